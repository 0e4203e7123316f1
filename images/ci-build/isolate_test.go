package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	// The program calls itself in the new namespace, and is this one here.
	if len(os.Args) > 1 && os.Args[1] == enter {
		main()
		return
	}
	os.Exit(m.Run())
}

func outputOf(t *testing.T, command ...string) string {
	t.Helper()
	child, err := isolated(context.Background(), command)
	if err != nil {
		t.Fatal(err)
	}
	var output bytes.Buffer
	child.Stdout, child.Stderr = &output, &output
	if err := child.Run(); err != nil {
		t.Fatalf("%v\n%s", refused(err), output.String())
	}
	return output.String()
}

func TestIsolatedCommandsHaveLoopbackAlone(t *testing.T) {
	outside, err := os.ReadFile("/proc/net/dev")
	if err != nil || strings.Count(string(outside), ":") < 2 {
		t.Skip("this machine itself has no network but loopback")
	}
	listed := strings.Split(strings.TrimSpace(outputOf(t, "cat", "/proc/self/net/dev")), "\n")[2:]
	if len(listed) == 0 || !strings.HasPrefix(strings.TrimSpace(listed[0]), "lo:") {
		t.Errorf("lo is not the first interface: %v", listed)
	}
	if routes := outputOf(t, "cat", "/proc/self/net/route"); strings.Count(strings.TrimSpace(routes), "\n") != 0 {
		t.Errorf("there are routes:\n%s", routes)
	}
}

func TestIsolatedCommandsReachThemselvesAndNobodyElse(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	connect := []string{"bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/" + port}
	if output, err := exec.Command(connect[0], connect[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("without isolation: %v: %s", err, output)
	}
	child, err := isolated(context.Background(), connect)
	if err != nil {
		t.Fatal(err)
	}
	output, err := child.CombinedOutput()
	if err == nil || !strings.Contains(string(output), "Connection refused") {
		t.Errorf("got %v: %s", err, output)
	}
	// Loopback is on, or there would be no route.
	ping := `import socket; s=socket.create_server(("127.0.0.1",0)); socket.create_connection(s.getsockname()); print("reached")`
	if output := outputOf(t, "python3", "-c", ping); output != "reached\n" {
		t.Errorf("got %q", output)
	}
}

func TestIsolatedCommandsKeepTheUser(t *testing.T) {
	plain, err := exec.Command("id", "-u").Output()
	if err != nil {
		t.Fatal(err)
	}
	if output := outputOf(t, "id", "-u"); output != string(plain) {
		t.Errorf("got %q, want %q", output, plain)
	}
}

func TestExitCodesAreThoseOfTheCommand(t *testing.T) {
	for command, code := range map[string]int{"exit 7": 7, "kill -9 $$": exitBroken} {
		err := runIsolated(context.Background(), "tests", []string{"bash", "-c", command})
		var failed failure
		if !errors.As(err, &failed) || failed.code != code {
			t.Errorf("%s: got %v, want exit code %d", command, err, code)
		}
	}
	err := runIsolated(context.Background(), "tests", []string{"no-such-program"})
	var failed failure
	if !errors.As(err, &failed) || failed.code != 127 {
		t.Errorf("got %v, want exit code 127", err)
	}
}

func TestTheEndOfThePodEndsTheCommand(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	started := time.Now()
	if err := runIsolated(ctx, "tests", []string{"sleep", "60"}); err == nil {
		t.Error("sleep ended well")
	}
	if took := time.Since(started); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestAnotherInterfaceThatIsOnIsNoticed(t *testing.T) {
	interfaces := []net.Interface{
		{Name: "lo", Flags: net.FlagUp | net.FlagLoopback},
		{Name: "tunl0"},
	}
	if name := otherThanLoopback(interfaces); name != "" {
		t.Errorf("got %s", name)
	}
	if name := otherThanLoopback(append(interfaces, net.Interface{Name: "eth0", Flags: net.FlagUp})); name != "eth0" {
		t.Errorf("got %s", name)
	}
}
