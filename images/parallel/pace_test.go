package main

import (
	"strings"
	"testing"
)

func TestPace(t *testing.T) {
	var p pace
	if p.prefetch() != 1 || p.wantsChange() {
		t.Error("a worker begins with one message at a time")
	}
	for range shortTasks {
		if p.wantsChange() {
			t.Error("too early")
		}
		p.note(0.001)
	}
	if !p.wantsChange() || p.prefetch() != shortPrefetch || p.patience() == nil {
		t.Error("short tasks in a row get more messages")
	}
	p.note(0.2)
	if !p.wantsChange() || p.prefetch() != 1 || p.patience() != nil {
		t.Error("one that is not short ends that")
	}
}

func TestTailKeepsTheEnd(t *testing.T) {
	output := tail{limit: 4}
	for _, text := range []string{"ab", "cdefghijklmnopqrstuvwxyz", "", "123"} {
		if _, err := output.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if got := string(output.kept()); got != "z123" || !output.cut {
		t.Errorf("%q, cut %v", got, output.cut)
	}
	whole := tail{limit: 4}
	_, _ = whole.Write([]byte("abcd"))
	if got := string(whole.kept()); got != "abcd" || whole.cut {
		t.Errorf("%q, cut %v", got, whole.cut)
	}
}

func TestSettings(t *testing.T) {
	values := map[string]string{
		"PARALLEL_BROKER_HOST": "rabbit", "PARALLEL_BROKER_PORT": "5672", "PARALLEL_BROKER_USER": "u@",
		"PARALLEL_BROKER_PASSWORD": "p/w", "PARALLEL_QUEUES": "q", "PARALLEL_RUN": "r", "PARALLEL_RESULTS": "/results",
		"PARALLEL_TRIES": "0",
	}
	get := func(name string) string { return values[name] }
	_, err := masterSettings(get)
	if err == nil || err.Error() != `PARALLEL_TRIES is "0", expected a whole number from 1 up` {
		t.Errorf("error: %v", err)
	}
	values["PARALLEL_TRIES"] = "2"
	settings, err := masterSettings(get)
	if err != nil || settings.Broker.URL() != "amqp://u%40:p%2Fw@rabbit:5672/" {
		t.Errorf("%q, %v", settings.Broker.URL(), err)
	}
	delete(values, "PARALLEL_RUN")
	delete(values, "PARALLEL_QUEUES")
	if _, err = masterSettings(get); err == nil || strings.Count(err.Error(), "is not set") != 2 {
		t.Errorf("every problem is told at once: %v", err)
	}
}
