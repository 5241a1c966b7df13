package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/test/server"
)

// opened runs a log file until its test ends. What it tells is in the buffer, once it is closed.
func opened(t *testing.T, path string) (*logFile, *bytes.Buffer) {
	t.Helper()
	f, told := newLogFile(path), new(bytes.Buffer)
	go f.run(slog.New(slog.NewTextHandler(told, nil)))
	return f, told
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

func say(t *testing.T, f *logFile, line string) {
	t.Helper()
	n, err := f.Write([]byte(line))
	require.NoError(t, err)
	require.Equal(t, len(line), n)
}

func TestLogFile(t *testing.T) {
	t.Run("a line is written within a second, and not by whoever says it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log")
			f, _ := opened(t, path)
			defer f.close()
			say(t, f, "one\n")
			assert.NoFileExists(t, path)
			time.Sleep(writeEvery)
			synctest.Wait()
			assert.Equal(t, "one\n", content(t, path))
		})
	})
	t.Run("a block is written before that", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			path, line := filepath.Join(t.TempDir(), "log"), strings.Repeat("x", 1023)+"\n"
			f, _ := opened(t, path)
			defer f.close()
			for range blockSize / len(line) {
				say(t, f, line)
			}
			synctest.Wait()
			assert.Len(t, content(t, path), blockSize)
		})
	})
	t.Run("what waits is written when it is closed, behind what there was", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "log")
		require.NoError(t, os.WriteFile(path, []byte("before\n"), 0o600))
		f, told := opened(t, path)
		say(t, f, "one\n")
		say(t, f, "two\n")
		f.close()
		assert.Equal(t, "before\none\ntwo\n", content(t, path))
		assert.Empty(t, told.String())
	})
	for name, rotate := range map[string]func(path string) error{
		"moved away": func(path string) error { return os.Rename(path, path+".1") },
		"moved away, with another made": func(path string) error {
			return errors.Join(os.Rename(path, path+".1"), os.WriteFile(path, nil, 0o600))
		},
		"removed": os.Remove,
		"cut off": func(path string) error { return os.Truncate(path, 0) },
	} {
		t.Run("a file that is "+name+" is opened anew within a second", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "log")
				f, told := opened(t, path)
				say(t, f, "one\n")
				time.Sleep(writeEvery)
				synctest.Wait()
				require.NoError(t, rotate(path))
				time.Sleep(writeEvery)
				synctest.Wait()
				assert.Empty(t, content(t, path), "it is there before anything is said")
				say(t, f, "two\n")
				f.close()
				assert.Equal(t, "two\n", content(t, path))
				if moved, err := os.ReadFile(path + ".1"); err == nil {
					assert.Equal(t, "one\n", string(moved))
				}
				assert.Zero(t, f.dropped.Load())
				assert.Empty(t, told.String())
			})
		})
	}
	for name, path := range map[string]string{"on a full disk": "/dev/full", "that cannot be opened": filepath.Join(t.TempDir(), "nowhere", "log")} {
		t.Run("lines of a file "+name+" are counted, and told once a minute", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, told := opened(t, path)
				time.Sleep(writeEvery / 2)
				for range 50 {
					say(t, f, "one\n")
					time.Sleep(writeEvery)
				}
				synctest.Wait()
				assert.EqualValues(t, 50, f.dropped.Load())
				assert.Equal(t, 1, strings.Count(told.String(), "\n"), told.String())
				assert.Contains(t, told.String(), "error=")
				f.close()
				assert.Contains(t, told.String(), "lines=49", "the rest is told at the end")
			})
		})
	}
	t.Run("a file that cannot be opened is tried again", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "later", "log")
			f, _ := opened(t, path)
			say(t, f, "one\n")
			time.Sleep(writeEvery)
			synctest.Wait()
			require.NoError(t, os.Mkdir(filepath.Dir(path), 0o700))
			say(t, f, "two\n")
			f.close()
			assert.Equal(t, "two\n", content(t, path))
		})
	})
	t.Run("a line that the disk took in part is whole when it takes more", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "log")
		disk := pipe(t, path)
		f, line := newLogFile(path), strings.Repeat("x", 999)+"\n"
		require.NoError(t, f.reopen())
		failed := make(chan error)
		for range 70 { // more than a pipe holds
			say(t, f, line)
		}
		go func() { failed <- f.flush() }()
		_, err := io.ReadFull(disk, make([]byte, len(line))) // it is full now
		require.NoError(t, err)
		require.NoError(t, disk.Close())
		require.Error(t, <-failed)
		assert.EqualValues(t, 4, f.dropped.Load(), "65 are there, and most of one more")
		say(t, f, "lost\n")
		require.Error(t, f.flush())

		disk = pipe(t, path)
		say(t, f, "last\n")
		go func() { failed <- errors.Join(f.flush(), f.file.Close()) }()
		there, err := io.ReadAll(disk)
		require.NoError(t, <-failed)
		require.NoError(t, err)
		assert.Equal(t, strings.Repeat(line, 65)+"last\n", string(there))
		assert.EqualValues(t, 5, f.dropped.Load())
	})
	t.Run("a disk that hangs keeps nobody waiting, and each line is written or counted", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "log")
		disk := pipe(t, path)
		f := newLogFile(path)
		require.NoError(t, f.reopen())
		go f.run(slog.New(slog.DiscardHandler))
		const each = 20_000
		var all sync.WaitGroup
		for writer := range 4 {
			all.Go(func() {
				for n := range each {
					_, err := fmt.Fprintf(f, "%0100d %d\n", n, writer)
					assert.NoError(t, err)
				}
			})
		}
		all.Wait()
		dropped := f.dropped.Load()
		assert.Positive(t, dropped)
		there := make(chan int)
		go func() { // the disk is back
			text, err := io.ReadAll(disk)
			assert.NoError(t, err)
			there <- bytes.Count(text, []byte("\n"))
		}()
		f.close()
		assert.EqualValues(t, 4*each-dropped, <-there)
	})
	t.Run("a disk that hangs at the end is not waited for", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "log")
		disk := pipe(t, path)
		f, _ := opened(t, path)
		say(t, f, strings.Repeat("x", 1<<20)+"\n")
		begun := time.Now()
		f.close()
		assert.WithinRange(t, time.Now(), begun.Add(closeTimeout), begun.Add(5*closeTimeout))
		require.NoError(t, disk.Close()) // which ends the write
		<-f.ended
	})
}

// pipe is a disk that hangs while nobody reads, and fails while nobody has it open.
func pipe(t *testing.T, path string) *os.File {
	t.Helper()
	if err := syscall.Mkfifo(path, 0o600); !errors.Is(err, fs.ErrExist) {
		require.NoError(t, err)
	}
	disk, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	require.NoError(t, err)
	return disk
}

func TestServe_KeepsLogFiles(t *testing.T) {
	folder := t.TempDir()
	access, errorLog := filepath.Join(folder, "access.log"), filepath.Join(folder, "error.log")
	ports := server.FreePorts(t, 2)
	environ := []string{
		fmt.Sprintf("PORT=%d", ports[0]), fmt.Sprintf("ESHOP_METRICS_ADDR=127.0.0.1:%d", ports[1]), "SERVER_NAME=one", "ESHOP_ACCESS_LOG=" + access, "ESHOP_ERROR_LOG=" + errorLog,
	}
	ctx, leave := context.WithCancel(t.Context())
	var stdout, stderr bytes.Buffer
	ended := make(chan int)
	go func() { ended <- run(ctx, []string{"serve"}, environ, os.Stdin, &stdout, &stderr) }()
	get := func(port int, path string) (string, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d%s", port, path), nil)
		if err != nil {
			return "", err
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return "", err
		}
		defer answer.Body.Close()
		var body bytes.Buffer
		_, err = body.ReadFrom(answer.Body)
		return body.String(), err
	}
	require.Eventually(t, func() bool {
		_, err := get(ports[0], "/ready")
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)
	for n := range 100 {
		_, err := get(ports[0], fmt.Sprintf("/health?n=%d", n))
		require.NoError(t, err)
	}
	metrics, err := get(ports[1], "/metrics")
	require.NoError(t, err)
	assert.Contains(t, metrics, "eshop_log_dropped_lines_total{log=\"access\"} 0\n")
	assert.Contains(t, metrics, "eshop_log_dropped_lines_total{log=\"error\"} 0\n")
	socket, answer, err := websocket.DefaultDialer.DialContext(t.Context(), fmt.Sprintf("ws://127.0.0.1:%d/ws/chat", ports[0]), nil)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	leave()
	require.Zero(t, <-ended, stderr.String())
	require.NoError(t, socket.Close())

	lines := strings.Split(strings.TrimSuffix(content(t, access), "\n"), "\n")
	require.Len(t, lines, 102, "all of it is there at the end")
	for _, line := range lines {
		assert.True(t, json.Valid([]byte(line)), line)
	}
	assert.Contains(t, lines[100], `"path":"/health","status":200`)
	assert.Contains(t, lines[101], `"path":"/ws/chat","status":101`)
	assert.Equal(t, stderr.String(), content(t, errorLog), "the one is what the other is")
	assert.Contains(t, stderr.String(), `"msg":"closed"`)

	t.Run("why a server does not open is in its log", func(t *testing.T) {
		taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", fmt.Sprintf(":%d", ports[0]))
		require.NoError(t, err)
		defer func() { assert.NoError(t, taken.Close()) }()
		assert.Equal(t, 1, run(t.Context(), []string{"serve"}, environ, os.Stdin, &stdout, &stderr))
		assert.Contains(t, content(t, errorLog), `"msg":"ended","server":"one","error":"listen tcp`)
	})
	t.Run("without the settings there are no files", func(t *testing.T) {
		cfg, err := readConfig(nil)
		require.NoError(t, err)
		assert.Empty(t, cfg.AccessLog+cfg.ErrorLog)
	})
}
