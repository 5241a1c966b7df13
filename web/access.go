package web

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/felixge/httpsnoop"

	"eshop/web/session"
)

// answered is a line of the access log. It has no query, in which people and programs put what
// is nobody else's business.
type answered struct {
	Time      time.Time `json:"time"` // of the answer's end, in UTC
	RequestID string    `json:"request_id"`
	Method    string    `json:"method"`
	Path      string    `json:"path"`
	Status    int       `json:"status"`
	Bytes     int64     `json:"bytes"` // of the answer's body
	Duration  float64   `json:"duration_ms"`
	Address   string    `json:"address"`
	Server    string    `json:"server"`
}

// maxMethod is longer than any method that somebody has registered.
const maxMethod = 32

// LogAccess returns next with a line of JSON in out for each answer, and for each socket when it ends. Every
// call of Write has one line, and requests wait for it.
func LogAccess(next http.Handler, out io.Writer, server string) http.Handler {
	buffers := sync.Pool{New: func() any { return new(bytes.Buffer) }}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		took := httpsnoop.Metrics{Code: http.StatusOK}
		defer func() { // of an answer that is cut off, too
			line := answered{
				Time: time.Now().UTC(), RequestID: w.Header().Get("X-Request-ID"), Method: r.Method[:min(len(r.Method), maxMethod)],
				Path: r.URL.EscapedPath(), Status: took.Code, Bytes: took.Written, Duration: float64(took.Duration.Microseconds()) / 1000,
				Address: session.ClientAddress(r), Server: server,
			}
			if len(line.Path) > maxTarget {
				line.Path = line.Path[:maxTarget]
			}
			if r.Method == http.MethodHead {
				line.Bytes = 0
			}
			if isSocket(r.URL.Path) && took.Code == http.StatusOK {
				line.Status = http.StatusSwitchingProtocols // which is written past w
			}
			buffer := buffers.Get().(*bytes.Buffer)
			defer buffers.Put(buffer)
			buffer.Reset()
			encoder := json.NewEncoder(buffer)
			encoder.SetEscapeHTML(false)
			_ = encoder.Encode(line)         // such a struct can be written
			_, _ = out.Write(buffer.Bytes()) // a request does not fail for its line
		}()
		took.CaptureMetrics(w, func(w http.ResponseWriter) { next.ServeHTTP(w, r) })
	})
}
