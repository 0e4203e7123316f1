package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// outputLimit is how much of a task's output is kept, in bytes: its end.
const outputLimit = 8 << 10

// outputPatience is how long the output may still flow when the command has ended and its group was killed.
const outputPatience = time.Second

const (
	exitTimeout     = 124
	exitNotRunnable = 126
	exitNotFound    = 127
)

// execute runs a command to its end and tells what became of it. Whatever the command leaves running in its process
// group is killed: a task has ended when its command has.
func execute(command []string, variables []string, timeout time.Duration, echo io.Writer) Ending {
	started := time.Now()
	output := tail{limit: outputLimit}
	end := func(code int) Ending {
		return Ending{
			ExitCode:  code,
			Output:    string(output.kept()),
			OutputCut: output.cut,
			Seconds:   time.Since(started).Seconds(),
		}
	}
	notStarted := func(err error) Ending {
		_, _ = output.Write([]byte(err.Error()))
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
			return end(exitNotFound)
		}
		return end(exitNotRunnable)
	}

	reader, writer, err := os.Pipe()
	if err != nil {
		return notStarted(err)
	}
	defer reader.Close()
	child := exec.Command(command[0], command[1:]...)
	child.Env = append(commandEnvironment(os.Environ()), variables...)
	child.Stdout, child.Stderr = writer, writer
	child.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = child.Start()
	writer.Close()
	if err != nil {
		return notStarted(err)
	}
	preferAsVictim(child.Process.Pid)

	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(io.MultiWriter(&output, echo), reader)
	}()
	killGroup := func() { _ = syscall.Kill(-child.Process.Pid, syscall.SIGKILL) }
	var timedOut atomic.Bool
	if timeout > 0 {
		timer := time.AfterFunc(timeout, func() { timedOut.Store(true); killGroup() })
		defer timer.Stop()
	}
	err = child.Wait()
	killGroup()
	select {
	case <-read:
	case <-time.After(outputPatience):
		// A process that left the group holds the pipe.
		reader.Close()
		<-read
	}
	reap()
	if timedOut.Load() {
		return end(exitTimeout)
	}
	return end(exitCode(child.ProcessState, err))
}

// exitCode is the code as a shell would tell it.
func exitCode(state *os.ProcessState, err error) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	if code := state.ExitCode(); code > 0 || err == nil {
		return code
	}
	return exitNotRunnable
}

// commandEnvironment leaves out what is this program's own.
func commandEnvironment(environment []string) []string {
	kept := make([]string, 0, len(environment))
	for _, variable := range environment {
		if !strings.HasPrefix(variable, environmentPrefix) {
			kept = append(kept, variable)
		}
	}
	return kept
}

// preferAsVictim makes the kernel take the command, and not the worker, when memory runs out.
func preferAsVictim(pid int) {
	_ = os.WriteFile("/proc/"+strconv.Itoa(pid)+"/oom_score_adj", []byte("1000"), 0)
}

// reap buries children that commands have left to the container's first process. Nothing else may be waited for now.
func reap() {
	for {
		if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
			return
		}
	}
}

// tail keeps the end of what is written to it.
type tail struct {
	limit int
	bytes []byte
	cut   bool
}

func (t *tail) Write(written []byte) (int, error) {
	t.bytes = append(t.bytes, written...)
	// Not at each write: moving the kept bytes costs their length.
	if len(t.bytes) > 4*t.limit {
		t.shorten()
	}
	return len(written), nil
}

func (t *tail) shorten() {
	if surplus := len(t.bytes) - t.limit; surplus > 0 {
		t.bytes = append(t.bytes[:0], t.bytes[surplus:]...)
		t.cut = true
	}
}

func (t *tail) kept() []byte {
	t.shorten()
	return t.bytes
}
