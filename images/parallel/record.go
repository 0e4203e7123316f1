package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Files in a run's folder.
const (
	tasksFile   = "tasks"
	resultsFile = "results.jsonl"
	journalFile = "journal.jsonl"
)

// latestLink leads from the folder of the results to the latest run's folder.
const latestLink = "latest"

// runsKept is how many runs' folders stay, with the latest.
const runsKept = 3

// journalEntry is a line of the journal: one of its fields is there.
type journalEntry struct {
	// Begun: the queues were made for this run.
	Begun *time.Time `json:"begun,omitempty"`
	// Queued: the tasks up to this one are in the queue.
	Queued *int `json:"queued,omitempty"`
	// Retried: this try of a task is in the queue.
	Retried *taskTry `json:"retried,omitempty"`
}

type taskTry struct {
	ID  int `json:"id"`
	Try int `json:"try"`
}

// record is what the master knows, as files on a volume: who reads them again knows the same. A line stands there before
// the message that it comes from is acknowledged, so none is lost, and a message that comes again is known.
type record struct {
	lock    *os.File
	results *os.File
	journal *os.File

	// tasks are the texts; the task `id` is at id-1, here and below.
	tasks []string
	// tries is the number of each task's latest try in the queue.
	tries []int
	ended []bool

	begun      time.Time
	queued     int
	endedCount int
	// failures is how many ended otherwise than with success.
	failures int
}

// openRecord reads what is known of a run, or begins with nothing. It waits while another process has the folder open.
//
// source is a file with one task a line, of which a copy is kept at the first start; if empty, the copy is there.
func openRecord(folder, run, source string) (*record, error) {
	runFolder := filepath.Join(folder, run)
	if err := os.MkdirAll(runFolder, 0o775); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_CREATE|os.O_RDWR, 0o664)
	if err != nil {
		return nil, err
	}
	// A pod of an earlier run may still be on its way out.
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return nil, fmt.Errorf("locking %s: %w", lock.Name(), err)
	}
	r := &record{lock: lock}
	if err := r.read(runFolder, source); err != nil {
		r.close()
		return nil, err
	}
	if err := markLatest(folder, run); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *record) close() {
	for _, file := range []*os.File{r.results, r.journal, r.lock} {
		if file != nil {
			file.Close()
		}
	}
}

func (r *record) read(folder, source string) error {
	list := filepath.Join(folder, tasksFile)
	if source != "" {
		if err := keepCopy(source, list); err != nil {
			return err
		}
	}
	tasks, err := readTasks(list)
	if err != nil {
		return err
	}
	r.tasks = tasks
	r.tries = slices.Repeat([]int{1}, len(tasks))
	r.ended = make([]bool, len(tasks))

	r.results, err = openLines(filepath.Join(folder, resultsFile), func(line []byte) error {
		var result Result
		if err := json.Unmarshal(line, &result); err != nil {
			return err
		}
		return r.noteResult(result)
	})
	if err != nil {
		return err
	}
	r.journal, err = openLines(filepath.Join(folder, journalFile), func(line []byte) error {
		var entry journalEntry
		if err := json.Unmarshal(line, &entry); err != nil {
			return err
		}
		return r.noteEntry(entry)
	})
	return err
}

func (r *record) noteResult(result Result) error {
	if result.Task < 1 || result.Task > len(r.tasks) {
		return fmt.Errorf("there is no task %d", result.Task)
	}
	if r.ended[result.Task-1] {
		return fmt.Errorf("task %d has ended before", result.Task)
	}
	r.ended[result.Task-1] = true
	r.endedCount++
	if result.Outcome != Succeeded {
		r.failures++
	}
	return nil
}

func (r *record) noteEntry(entry journalEntry) error {
	if entry.Begun != nil {
		r.begun = *entry.Begun
	}
	if entry.Queued != nil {
		r.queued = *entry.Queued
	}
	if retried := entry.Retried; retried != nil {
		if retried.ID < 1 || retried.ID > len(r.tasks) {
			return fmt.Errorf("there is no task %d", retried.ID)
		}
		r.tries[retried.ID-1] = max(r.tries[retried.ID-1], retried.Try)
	}
	return nil
}

// complete tells whether each task's outcome is recorded.
func (r *record) complete() bool { return r.endedCount == len(r.tasks) }

// addResults writes outcomes down. They are safe when it returns.
func (r *record) addResults(results []Result) error {
	return appendLines(r.results, results, r.noteResult)
}

// addEntries writes down what is in the queues. It is safe when it returns.
func (r *record) addEntries(entries ...journalEntry) error {
	return appendLines(r.journal, entries, r.noteEntry)
}

// nextTasks are the first `limit` tasks that have to be put into the queue, and the number of tasks that have been looked
// at once these are in it.
func (r *record) nextTasks(run string, limit int) (next []Task, upTo int) {
	upTo = r.queued
	for upTo < len(r.tasks) && len(next) < limit {
		if !r.ended[upTo] {
			next = append(next, Task{Run: run, ID: upTo + 1, Try: r.tries[upTo], Text: r.tasks[upTo]})
		}
		upTo++
	}
	return next, upTo
}

// appendLines writes values as lines of JSON and sees them onto the disk, then takes note of each.
func appendLines[V any](file *os.File, values []V, note func(V) error) error {
	if len(values) == 0 {
		return nil
	}
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	encoder.SetEscapeHTML(false)
	for _, value := range values {
		if err := encoder.Encode(value); err != nil {
			return err
		}
	}
	if _, err := file.Write(lines.Bytes()); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	for _, value := range values {
		if err := note(value); err != nil {
			return fmt.Errorf("%s: %w", file.Name(), err)
		}
	}
	return nil
}

// openLines opens a file to append to it, and hands over the lines that it has. A last line that was cut off by a crash is
// taken away: what it came from was not acknowledged.
func openLines(name string, each func(line []byte) error) (*os.File, error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o664)
	if err != nil {
		return nil, err
	}
	reader := bufio.NewReader(file)
	whole := int64(0)
	for {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = each(line)
		}
		if err != nil {
			file.Close()
			return nil, fmt.Errorf("%s, after %d bytes: %w", name, whole, err)
		}
		whole += int64(len(line))
	}
	if err := file.Truncate(whole); err != nil {
		file.Close()
		return nil, err
	}
	_, err = file.Seek(whole, io.SeekStart)
	return file, err
}

// keepCopy copies a file whole or not at all, unless the copy is there.
func keepCopy(source, copy string) error {
	if _, err := os.Stat(copy); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	return writeWhole(copy, text)
}

// writeWhole writes a file that is there whole or not at all.
func writeWhole(name string, content []byte) error {
	partial := name + ".partial"
	if err := os.WriteFile(partial, content, 0o664); err != nil {
		return err
	}
	return os.Rename(partial, name)
}

// readTasks reads a list: every line that is not blank is a task.
func readTasks(name string) ([]string, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var tasks []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimRight(line, "\r\n"); strings.TrimSpace(line) != "" {
			tasks = append(tasks, line)
		}
	}
	return tasks, nil
}

// markLatest makes the link to a run's folder, and removes the oldest runs.
func markLatest(folder, run string) error {
	link := filepath.Join(folder, latestLink)
	partial := link + ".partial"
	_ = os.Remove(partial)
	if err := os.Symlink(run, partial); err != nil {
		return err
	}
	if err := os.Rename(partial, link); err != nil {
		return err
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	type oldRun struct {
		name string
		time time.Time
	}
	var old []oldRun
	for _, entry := range entries {
		info, err := entry.Info()
		if err == nil && entry.IsDir() && entry.Name() != run && entry.Name() != "lost+found" {
			old = append(old, oldRun{entry.Name(), info.ModTime()})
		}
	}
	slices.SortFunc(old, func(a, b oldRun) int { return b.time.Compare(a.time) })
	for _, run := range old[min(len(old), runsKept-1):] {
		if err := os.RemoveAll(filepath.Join(folder, run.name)); err != nil {
			return err
		}
	}
	return nil
}

// printResults prints the latest run's results.
func printResults(folder string, to io.Writer) error {
	file, err := os.Open(filepath.Join(folder, latestLink, resultsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there are no results in %s yet", folder)
	}
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(to, file)
	return err
}
