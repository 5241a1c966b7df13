// Package web is the shop as browsers and clients see it: it puts the pages, the
// JSON interface and the assets behind one handler, with what holds for every answer.
package web

import (
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"strings"

	"github.com/google/uuid"
	"github.com/gorilla/mux"
	"go.opentelemetry.io/otel/trace"

	"eshop/web/api"
	"eshop/web/asset"
	"eshop/web/live"
	"eshop/web/page"
	"eshop/web/problem"
	"eshop/web/session"
)

// contentPolicy allows what this shop serves itself and what of it is found below the prefix,
// and no inline script or style.
func contentPolicy(assets asset.Prefix) string {
	policy := "default-src 'self'; img-src 'self' data:"
	if source := assets.Source(); source != "" {
		policy += fmt.Sprintf(" %[1]s; script-src 'self' %[1]s; style-src 'self' %[1]s; font-src 'self' %[1]s", source)
	}
	return policy + "; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
}

// Server answers every request of the shop.
type Server struct {
	http.Handler
	pages  *page.Pages
	health *Health
	log    *slog.Logger
	name   string
	policy string
	upload int64 // how long the body of a form with a picture may be
}

// Parts is what a Server puts together; every field but Assets and Tracer must be set.
type Parts struct {
	Name   string       // signs every answer
	Assets asset.Prefix // from where pages may load
	// PictureBytes is how many a picture that staff add may have, whose form may be so much longer than another.
	PictureBytes int
	Cookies      *session.Cookies
	Pages        *page.Pages
	API          *api.API
	Chat         *live.Hub
	Health       *Health
	Metrics      *Metrics
	Tracer       trace.Tracer // makes a span of each request
	Log          *slog.Logger
}

// NewServer puts all of the shop behind one handler.
func NewServer(p Parts) *Server {
	s := &Server{pages: p.Pages, health: p.Health, log: p.Log, name: p.Name, policy: contentPolicy(p.Assets), upload: max(maxBody, int64(p.PictureBytes)+roundPicture)}
	// An address that the router would clean is answered as it is: a redirect loses the method and the body.
	r := mux.NewRouter().SkipClean(true)
	r.Use(nameRoutes)
	r.Methods("GET", "HEAD").Path("/health").HandlerFunc(p.Health.alive)
	r.Methods("GET", "HEAD").Path("/ready").HandlerFunc(p.Health.ready)
	r.Methods("GET", "HEAD").PathPrefix("/assets/").Handler(asset.Handler())
	r.Methods("GET", "HEAD").Path("/favicon.ico").Handler(asset.Favicon())
	p.API.Mount(r)
	p.Chat.Mount(r)
	p.Pages.Mount(r)
	r.Methods("GET", "HEAD").PathPrefix("/media/").Handler(asset.Media()) // the rest: pages has the pictures of staff
	unanswered := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		// The router alone takes an address for unknown when any later route has the method.
		methods, route := allowed(r, req)
		if route == nil {
			s.fail(w, req, problem.ErrNoRoute)
			return
		}
		nameRoute(req, route)
		w.Header().Set("Allow", strings.Join(methods, ", "))
		s.fail(w, req, problem.ErrMethod)
	})
	r.NotFoundHandler, r.MethodNotAllowedHandler = unanswered, unanswered

	sameSite := http.NewCrossOriginProtection()
	sameSite.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.fail(w, r, problem.ErrCrossSite) }))
	s.Handler = p.Metrics.count(traced(p.Tracer, s.always(s.recover(s.bounded(shed(p.Cookies.Middleware(sameSite.Handler(r))))))))
	return s
}

// fail answers with err as a page or as JSON, as the address has it.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if isJSON(r.URL.Path) {
		problem.Write(w, r, err)
		return
	}
	s.pages.Fail(w, r, err)
}

func isJSON(path string) bool {
	return strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/auth/") || isSocket(path) || path == "/api" || path == "/health" || path == "/ready"
}

func isSocket(path string) bool { return strings.HasPrefix(path, "/ws/") }

var requestID = regexp.MustCompile(`^[A-Za-z0-9._-]{8,64}$`)

// always sets what every answer bears, and gives the request its id and its log.
func (s *Server) always(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-ID")
		if !requestID.MatchString(id) {
			id = uuid.NewString()
		}
		h := w.Header()
		h.Set("X-Request-ID", id)
		h.Set("X-Served-By", s.name)
		if s.health.draining.Load() {
			h.Set("Connection", "close")
		}
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", s.policy)
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
		ctx := problem.WithLog(r.Context(), s.log.With("request_id", id, "address", session.ClientAddress(r)))
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// recover turns a panic into an answer, as far as none was sent.
func (s *Server) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch what := recover(); what {
			case nil:
			case http.ErrAbortHandler:
				panic(what)
			default:
				s.fail(w, r, fmt.Errorf("panic: %v\n%s", what, debug.Stack()))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// allowed returns the methods that the address answers, and a route of theirs; nil when there is none.
func allowed(r *mux.Router, req *http.Request) (methods []string, route *mux.Route) {
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE"} {
		trial := req.Clone(req.Context())
		trial.Method = method
		if match := new(mux.RouteMatch); r.Match(trial, match) && match.MatchErr == nil {
			methods, route = append(methods, method), match.Route
		}
	}
	return methods, route
}
