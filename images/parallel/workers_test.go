package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// fakeAPI answers for one ReplicationController and keeps what it is scaled to.
type fakeAPI struct {
	sync.Mutex
	annotation string
	uid        string
	scaled     []string
	fail       int
}

func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.Lock()
	defer f.Unlock()
	const path = "/api/v1/namespaces/taurus/replicationcontrollers/regions-worker"
	switch {
	case r.Header.Get("Authorization") != "Bearer secret":
		w.WriteHeader(http.StatusUnauthorized)
	case f.fail > 0:
		f.fail--
		w.WriteHeader(http.StatusServiceUnavailable)
	case r.Method == http.MethodGet && r.URL.Path == path:
		fmt.Fprintf(w, `{"metadata":{"uid":%q,"annotations":{"nta/workers":%q}}}`, f.uid, f.annotation)
	case r.Method == http.MethodPatch && r.URL.Path == path+"/scale":
		body, _ := io.ReadAll(r.Body)
		f.scaled = append(f.scaled, r.Header.Get("Content-Type")+" "+string(body))
	default:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(w, `{"message":"no %s"}`, r.URL.Path)
	}
}

func (f *fakeAPI) last(t *testing.T, want string) {
	t.Helper()
	for range 100 {
		f.Lock()
		got := ""
		if len(f.scaled) > 0 {
			got = f.scaled[len(f.scaled)-1]
		}
		f.Unlock()
		if got == `application/merge-patch+json {"spec":{"replicas":`+want+`}}` {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("never scaled to %s: %q", want, f.scaled)
}

func TestWorkersFollowTheAnnotationAndGoToZero(t *testing.T) {
	api := &fakeAPI{annotation: "4", uid: "a", fail: 1}
	server := httptest.NewServer(api)
	defer server.Close()
	w := &workers{
		name:   ControllerName{"taurus", "regions-worker"},
		server: server.URL,
		token:  write(t, filepath.Join(t.TempDir(), "token"), "secret\n"),
		client: server.Client(),
	}
	stop := w.follow(t.Context())
	api.last(t, "4")
	api.Lock()
	api.annotation = "6"
	api.Unlock()
	api.last(t, "6")
	stop()
	if err := w.end(t.Context()); err != nil {
		t.Fatal(err)
	}
	api.last(t, "0")
	time.Sleep(followInterval + 200*time.Millisecond)
	api.last(t, "0")
	if len(api.scaled) != 3 {
		t.Errorf("scaled %d times: %q", len(api.scaled), api.scaled)
	}
}

func TestWithoutItsControllerThereIsNothingToEnd(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	token := write(t, filepath.Join(t.TempDir(), "token"), "secret")
	w := &workers{name: ControllerName{"n", "c"}, server: server.URL, token: token, client: server.Client()}
	if err := w.end(t.Context()); err != nil {
		t.Error(err)
	}
}
