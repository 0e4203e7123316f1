package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

// workersAnnotation stands on the ReplicationController and says how many workers are wanted while the run goes on. The
// number itself is the master's to set, so that whoever changes the annotation starts no worker when the run is over.
const workersAnnotation = "nta/workers"

// Where Kubernetes puts what a pod needs to call the API server.
const serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount"

const (
	followInterval = 3 * time.Second
	apiTimeout     = 15 * time.Second
)

// ControllerName names a ReplicationController.
type ControllerName struct{ Namespace, Name string }

// workers scales the ReplicationController of a job's workers.
type workers struct {
	name   ControllerName
	server string
	token  string
	client *http.Client
}

// newWorkers finds the API server as any pod does. With no name it is one that does nothing.
func newWorkers(name ControllerName) (*workers, error) {
	if name.Name == "" {
		return &workers{}, nil
	}
	authorities := x509.NewCertPool()
	certificate, err := os.ReadFile(serviceAccountFolder + "/ca.crt")
	if err != nil {
		return nil, err
	}
	if !authorities.AppendCertsFromPEM(certificate) {
		return nil, errors.New("the API server's certificate authority is no PEM text")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities}}
	address := net.JoinHostPort(os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT"))
	return &workers{
		name:   name,
		server: "https://" + address,
		token:  serviceAccountFolder + "/token",
		client: &http.Client{Transport: transport, Timeout: apiTimeout},
	}, nil
}

// wanted is what a ReplicationController asks for.
type wanted struct {
	uid      string
	replicas int
}

// follow scales to the wanted number whenever that changes, or the controller is another one, until `stop` is called,
// which returns when nothing is scaled any more.
func (w *workers) follow(ctx context.Context) (stop func()) {
	if w.client == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.keepScaled(ctx)
	}()
	return func() {
		cancel()
		<-ended
	}
}

func (w *workers) keepScaled(ctx context.Context) {
	var applied wanted
	told := ""
	for {
		want, err := w.wanted(ctx)
		if err == nil && want != applied {
			if err = w.scale(ctx, want.replicas); err == nil {
				log.Printf("workers: %d", want.replicas)
				applied = want
			}
		}
		if err != nil && ctx.Err() == nil && err.Error() != told {
			log.Printf("workers: %v; trying again", err)
			told = err.Error()
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(followInterval):
		}
	}
}

// end scales to zero, as soon as the API server lets it.
func (w *workers) end(ctx context.Context) error {
	if w.client == nil {
		return nil
	}
	for {
		err := w.scale(ctx, 0)
		var refused *apiError
		// Without its controller there is nothing to scale.
		if err == nil || errors.As(err, &refused) && refused.code == http.StatusNotFound {
			return nil
		}
		log.Printf("workers: %v; trying again", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(followInterval):
		}
	}
}

func (w *workers) wanted(ctx context.Context) (wanted, error) {
	body, err := w.call(ctx, http.MethodGet, "", nil)
	if err != nil {
		return wanted{}, err
	}
	var controller struct {
		Metadata struct {
			UID         string            `json:"uid"`
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(body, &controller); err != nil {
		return wanted{}, err
	}
	text := controller.Metadata.Annotations[workersAnnotation]
	replicas, err := strconv.Atoi(text)
	if err != nil || replicas < 0 {
		return wanted{}, fmt.Errorf("the annotation %s of %s is %q, no number", workersAnnotation, w.name.Name, text)
	}
	return wanted{controller.Metadata.UID, replicas}, nil
}

func (w *workers) scale(ctx context.Context, replicas int) error {
	patch := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas)
	_, err := w.call(ctx, http.MethodPatch, "/scale", patch)
	return err
}

// apiError is a refusal of the API server.
type apiError struct {
	code    int
	message string
}

func (e *apiError) Error() string { return fmt.Sprintf("the API server: %s (%d)", e.message, e.code) }

func (w *workers) call(ctx context.Context, method, subresource string, patch []byte) ([]byte, error) {
	// Read each time: tokens are renewed in place.
	token, err := os.ReadFile(w.token)
	if err != nil {
		return nil, err
	}
	url := fmt.Sprintf("%s/api/v1/namespaces/%s/replicationcontrollers/%s%s",
		w.server, w.name.Namespace, w.name.Name, subresource)
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(patch))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+string(bytes.TrimSpace(token)))
	if patch != nil {
		request.Header.Set("Content-Type", "application/merge-patch+json")
	}
	response, err := w.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= 300 {
		var status struct {
			Message string `json:"message"`
		}
		_ = json.Unmarshal(body, &status)
		return nil, &apiError{response.StatusCode, status.Message}
	}
	return body, nil
}
