package main

import (
	"bytes"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// writeEvery is how late a line may be, and how soon a file that was moved away is opened anew.
	writeEvery = time.Second
	// blockSize is worth a write of its own before that.
	blockSize = 64 << 10
	// mostWaiting is what a busy server logs in some seconds, which is as long as a disk may hang.
	mostWaiting = 4 << 20
	// tellDropped keeps a full disk from filling the other log.
	tellDropped = time.Minute
	// closeTimeout bounds how long a disk that hangs keeps a server from leaving.
	closeTimeout = 2 * time.Second
)

// logFile is a file of lines that one goroutine, run, writes in blocks. Whoever writes a line never waits for the
// disk and never fails: lines that cannot be kept are dropped and counted. A file that was moved or removed,
// as logrotate does, is opened anew.
type logFile struct {
	path    string
	dropped atomic.Int64

	mu    sync.Mutex
	block []byte // what waits to be written

	full, end, ended chan struct{}

	// What run alone uses.
	file   *os.File
	about  fs.FileInfo // of file
	spare  []byte
	rest   []byte // of a line that the disk took in part
	told   int64  // of dropped
	toldAt time.Time
}

// newLogFile returns the file at path. It is opened by run.
func newLogFile(path string) *logFile {
	return &logFile{path: path, full: make(chan struct{}, 1), end: make(chan struct{}), ended: make(chan struct{})}
}

// Write takes one whole line.
func (f *logFile) Write(line []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.block)+len(line) > mostWaiting {
		f.dropped.Add(1)
		return len(line), nil
	}
	f.block = append(f.block, line...)
	if len(f.block) >= blockSize {
		select {
		case f.full <- struct{}{}:
		default: // it is told already
		}
	}
	return len(line), nil
}

// run writes what Write takes until close is called, and tells log of lines that are dropped.
func (f *logFile) run(log *slog.Logger) {
	defer close(f.ended)
	tick := time.NewTicker(writeEvery)
	defer tick.Stop()
	for last := false; !last; {
		select {
		case <-tick.C:
		case <-f.full:
		case <-f.end:
			last = true
		}
		err := f.flush()
		if dropped := f.dropped.Load(); dropped > f.told && (last || time.Since(f.toldAt) >= tellDropped) {
			log.Warn("lines of a log file are dropped: its disk is full or slow, or it cannot be opened", "file", f.path, "lines", dropped-f.told, "error", err)
			f.told, f.toldAt = dropped, time.Now()
		}
	}
	if f.file != nil {
		_ = f.file.Close() // all that could be written is
	}
}

// close writes what waits, as far as the disk takes it in time, and ends run.
func (f *logFile) close() {
	close(f.end)
	select {
	case <-f.ended:
	case <-time.After(closeTimeout):
	}
}

// flush writes what waits. Of a line that the disk took in part the rest is kept, so that no line is broken.
func (f *logFile) flush() error {
	f.mu.Lock()
	block := f.block
	f.block = f.spare[:0]
	f.mu.Unlock()
	f.spare = block

	if err := f.reopen(); err != nil {
		f.drop(block)
		return err
	}
	n, err := f.file.Write(f.rest)
	f.rest = f.rest[n:]
	if err != nil {
		f.drop(block)
		return err
	}
	n, err = f.file.Write(block)
	if err == nil {
		return nil
	}
	if n > 0 && block[n-1] != '\n' {
		end := n + bytes.IndexByte(block[n:], '\n') + 1
		f.rest = bytes.Clone(block[n:end])
		n = end
	}
	f.drop(block[n:])
	return err
}

func (f *logFile) drop(lines []byte) { f.dropped.Add(int64(bytes.Count(lines, []byte("\n")))) }

// reopen opens the file, unless the one that is open has its name still.
func (f *logFile) reopen() error {
	if about, err := os.Stat(f.path); err == nil && f.file != nil && os.SameFile(about, f.about) {
		return nil
	}
	file, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	about, err := file.Stat()
	if err != nil {
		return err
	}
	if f.file != nil {
		_ = f.file.Close() // all that could be written is
	}
	f.drop(f.rest)
	f.file, f.about, f.rest = file, about, nil
	return nil
}

// droppedLines counts the lines of the log called name that were dropped.
func (f *logFile) droppedLines(name string) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "eshop_log_dropped_lines_total", Help: "Lines that a log file could not take, as its disk was full or slow.", ConstLabels: prometheus.Labels{"log": name},
	}, func() float64 { return float64(f.dropped.Load()) })
}
