package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func open(t *testing.T, folder, run, source string) *record {
	t.Helper()
	r, err := openRecord(folder, run, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.close)
	return r
}

func openTestRecord(t *testing.T, folder string) *record {
	t.Helper()
	return open(t, folder, "r", write(t, filepath.Join(t.TempDir(), "list"), "one\n\n two \nthree"))
}

func TestRecordIsReadAgainAsItWas(t *testing.T) {
	folder := t.TempDir()
	r := openTestRecord(t, folder)
	begun, queued := time.Now().UTC(), 3
	if err := r.addEntries(journalEntry{Begun: &begun}, journalEntry{Queued: &queued}, journalEntry{Retried: &taskTry{2, 2}}); err != nil {
		t.Fatal(err)
	}
	if err := r.addResults([]Result{{Task: 1, Outcome: Succeeded}, {Task: 3, Outcome: Failed}}); err != nil {
		t.Fatal(err)
	}
	r.close()

	// Another list must not change a run that has begun.
	again := open(t, folder, "r", write(t, filepath.Join(t.TempDir(), "list"), "other\n"))
	if want := []string{"one", " two ", "three"}; !reflect.DeepEqual(again.tasks, want) {
		t.Errorf("tasks %q, want %q", again.tasks, want)
	}
	if !again.begun.Equal(begun) || again.queued != 3 || again.tries[1] != 2 || again.endedCount != 2 || again.failures != 1 {
		t.Errorf("read again as %+v", again)
	}
	if again.complete() || again.ended[1] || !again.ended[0] || !again.ended[2] {
		t.Errorf("ended: %v", again.ended)
	}
}

func TestRecordForgetsALineThatWasCutOff(t *testing.T) {
	folder := t.TempDir()
	r := openTestRecord(t, folder)
	if err := r.addResults([]Result{{Task: 1, Outcome: Succeeded}}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.results.WriteString(`{"task":2,"outco`); err != nil {
		t.Fatal(err)
	}
	r.close()
	again := openTestRecord(t, folder)
	if again.endedCount != 1 {
		t.Fatalf("%d ended", again.endedCount)
	}
	if err := again.addResults([]Result{{Task: 2, Outcome: Succeeded}}); err != nil {
		t.Fatal(err)
	}
	var printed strings.Builder
	if err := printResults(folder, &printed); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(strings.TrimSpace(printed.String()), "\n"); len(lines) != 2 || !strings.HasPrefix(lines[1], `{"task":2,`) {
		t.Errorf("results: %q", lines)
	}
}

func TestRecordRefusesATaskTwice(t *testing.T) {
	r := openTestRecord(t, t.TempDir())
	if err := r.addResults([]Result{{Task: 1, Outcome: Succeeded}, {Task: 1, Outcome: Succeeded}}); err == nil {
		t.Error("no error")
	}
}

func TestNextTasks(t *testing.T) {
	r := openTestRecord(t, t.TempDir())
	if err := r.addResults([]Result{{Task: 1, Outcome: Succeeded}}); err != nil {
		t.Fatal(err)
	}
	if err := r.addEntries(journalEntry{Retried: &taskTry{3, 2}}); err != nil {
		t.Fatal(err)
	}
	next, upTo := r.nextTasks("r", 1)
	if want := []Task{{Run: "r", ID: 2, Try: 1, Text: " two "}}; !reflect.DeepEqual(next, want) || upTo != 2 {
		t.Errorf("got %v up to %d, want %v", next, upTo, want)
	}
	next, upTo = r.nextTasks("r", 10)
	if want := []Task{{Run: "r", ID: 2, Try: 1, Text: " two "}, {Run: "r", ID: 3, Try: 2, Text: "three"}}; !reflect.DeepEqual(next, want) || upTo != 3 {
		t.Errorf("got %v up to %d, want %v", next, upTo, want)
	}
}

func TestAnotherRunBeginsAnewAndOldOnesGo(t *testing.T) {
	folder := t.TempDir()
	list := write(t, filepath.Join(t.TempDir(), "list"), "one\n")
	for index, run := range []string{"a", "b", "c", "d"} {
		r := open(t, folder, run, list)
		if r.endedCount != 0 {
			t.Errorf("%s begins with results", run)
		}
		if err := r.addResults([]Result{{Task: 1, Outcome: Succeeded, Worker: &run}}); err != nil {
			t.Fatal(err)
		}
		r.close()
		old := time.Now().Add(time.Duration(index-10) * time.Hour)
		if err := os.Chtimes(filepath.Join(folder, run), old, old); err != nil {
			t.Fatal(err)
		}
	}
	kept, _ := filepath.Glob(filepath.Join(folder, "?"))
	if want := []string{"b", "c", "d"}; len(kept) != 3 || filepath.Base(kept[0]) != want[0] {
		t.Errorf("kept %v, want %v", kept, want)
	}
	var printed strings.Builder
	if err := printResults(folder, &printed); err != nil || !strings.Contains(printed.String(), `"worker":"d"`) {
		t.Errorf("%q, %v", printed.String(), err)
	}
}
