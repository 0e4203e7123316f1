// flanneld with the backends that a node uses (vxlan, host-gw) and Kubernetes as its store. It puts flannel's own
// packages together the way flannel's flanneld does; that program can't be linked as it is without cgo and without
// modules of one cloud provider that are not to be had everywhere. Flags have flanneld's names and meanings, so
// flannel's manifest runs with it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/flannel-io/flannel/pkg/backend"
	_ "github.com/flannel-io/flannel/pkg/backend/hostgw"
	_ "github.com/flannel-io/flannel/pkg/backend/vxlan"
	"github.com/flannel-io/flannel/pkg/ip"
	"github.com/flannel-io/flannel/pkg/ipmatch"
	"github.com/flannel-io/flannel/pkg/subnet"
	"github.com/flannel-io/flannel/pkg/subnet/kube"
	"github.com/flannel-io/flannel/pkg/trafficmngr"
	"github.com/flannel-io/flannel/pkg/trafficmngr/iptables"
	"github.com/flannel-io/flannel/pkg/trafficmngr/nftables"
	"github.com/flannel-io/flannel/pkg/version"
	"k8s.io/klog/v2"
)

type options struct {
	ifaces         []string
	publicIP       string
	subnetFile     string
	netConfPath    string
	kubeAPIURL     string
	kubeconfig     string
	annotations    string
	healthzIP      string
	healthzPort    int
	ipMasq         bool
	resyncSeconds  int
	forwardRules   bool
	setUnavailable bool
	cniSource      string
	cniTarget      string
}

// parse reads flanneld's flags. ok is false when the program has said all it was asked for (--version).
func parse(args []string) (o options, ok bool) {
	flags := flag.NewFlagSet("flanneld", flag.ExitOnError)
	klog.InitFlags(flags)
	flags.Func("iface", "interface (name or address) that other nodes reach; may be given several times, the first that exists is taken", func(value string) error {
		o.ifaces = append(o.ifaces, value)
		return nil
	})
	flags.StringVar(&o.publicIP, "public-ip", "", "address that other nodes reach this one at")
	flags.StringVar(&o.subnetFile, "subnet-file", "/run/flannel/subnet.env", "file for the CNI plugin: subnet, MTU, …")
	flags.StringVar(&o.netConfPath, "net-config-path", "/etc/kube-flannel/net-conf.json", "network configuration")
	flags.StringVar(&o.kubeAPIURL, "kube-api-url", "", "API server; not needed in a pod")
	flags.StringVar(&o.kubeconfig, "kubeconfig-file", "", "kubeconfig; not needed in a pod")
	flags.StringVar(&o.annotations, "kube-annotation-prefix", "flannel.alpha.coreos.com", "prefix of the node annotations")
	flags.StringVar(&o.healthzIP, "healthz-ip", "0.0.0.0", "address of /healthz and /readyz")
	flags.IntVar(&o.healthzPort, "healthz-port", 0, "port of /healthz and /readyz; 0: none")
	flags.BoolVar(&o.ipMasq, "ip-masq", false, "masquerade what leaves the pod network")
	flags.IntVar(&o.resyncSeconds, "iptables-resync", 5, "seconds between checks of the rules")
	flags.BoolVar(&o.forwardRules, "iptables-forward-rules", true, "accept the pod network's packets in FORWARD")
	flags.BoolVar(&o.setUnavailable, "set-node-network-unavailable", true, "set the node's NetworkUnavailable condition when ready")
	flags.StringVar(&o.cniSource, "cni-conf-source", "", "CNI configuration to install once the subnet file is there")
	flags.StringVar(&o.cniTarget, "cni-conf-target", "/etc/cni/net.d/10-flannel.conflist", "where to install it")
	kubeSubnetMgr := flags.Bool("kube-subnet-mgr", true, "leases come from Kubernetes; nothing else is built in")
	showVersion := flags.Bool("version", false, "print the version")
	_ = flags.Parse(args)
	if *showVersion {
		fmt.Println(version.Version)
		return o, false
	}
	if !*kubeSubnetMgr {
		klog.Fatal("this flanneld has no etcd store: it needs --kube-subnet-mgr")
	}
	return o, true
}

// externalInterface finds the interface that carries the traffic between nodes: a stored or given public address, the
// first --iface that exists, or else the default route's.
func externalInterface(o options, stack int) (*backend.ExternalInterface, error) {
	public := ipmatch.PublicIPOpts{PublicIP: o.publicIP}
	if len(o.ifaces) == 0 {
		return ipmatch.LookupExtIface(o.publicIP, "", "", stack, public)
	}
	var failures []error
	for _, name := range o.ifaces {
		found, err := ipmatch.LookupExtIface(name, "", "", stack, public)
		if err == nil && found != nil {
			return found, nil
		}
		failures = append(failures, fmt.Errorf("--iface %s: %w", name, err))
	}
	return nil, errors.Join(failures...)
}

// previous returns the networks that an earlier run wrote to the subnet file, so that rules for them can be replaced.
func previous(path, key string) ip.IP4Net {
	content, err := os.ReadFile(path)
	if err != nil {
		return ip.IP4Net{}
	}
	for _, line := range strings.Split(string(content), "\n") {
		value, found := strings.CutPrefix(line, key+"=")
		if !found {
			continue
		}
		if _, cidr, err := net.ParseCIDR(strings.TrimSpace(value)); err == nil {
			return ip.FromIPNet(cidr)
		}
	}
	return ip.IP4Net{}
}

// installCNI copies the CNI configuration to where the container runtime looks for it, in one step. A node counts as
// ready as soon as that file is there; installed before the subnet file, as flannel's install-conf does it, the first
// pods fail and wait for kubelet's back-off.
func installCNI(o options) error {
	if o.cniSource == "" {
		return nil
	}
	content, err := os.ReadFile(o.cniSource)
	if err != nil {
		return err
	}
	// Names without a known extension are not read as configurations.
	if err := os.WriteFile(o.cniTarget+".new", content, 0o644); err != nil {
		return err
	}
	return os.Rename(o.cniTarget+".new", o.cniTarget)
}

func serveHealth(o options, ready *atomic.Bool) {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "running") })
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !ready.Load() {
			http.Error(w, "no subnet file yet", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	address := net.JoinHostPort(o.healthzIP, strconv.Itoa(o.healthzPort))
	go func() {
		klog.Fatalf("health server on %s: %v", address, http.ListenAndServe(address, mux))
	}()
}

// retry calls attempt every second for up to a minute. While a cluster starts, the API server may not answer yet and
// the node may have no pod range yet; exiting would leave the next attempt to kubelet's growing delays.
func retry[T any](ctx context.Context, what string, attempt func() (T, error)) (T, error) {
	for deadline := time.Now().Add(time.Minute); ; {
		result, err := attempt()
		if err == nil {
			return result, nil
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			return result, fmt.Errorf("%s: %w", what, err)
		}
		klog.Warningf("%s: %v; trying again", what, err)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func run(ctx context.Context, o options) error {
	var ready atomic.Bool
	if o.healthzPort > 0 {
		serveHealth(o, &ready)
	}

	manager, err := retry(ctx, "subnet manager", func() (subnet.Manager, error) {
		return kube.NewSubnetManager(ctx, o.kubeAPIURL, o.kubeconfig, o.annotations, o.netConfPath, o.setUnavailable)
	})
	if err != nil {
		return err
	}
	config, err := manager.GetNetworkConfig(ctx)
	if err != nil {
		return fmt.Errorf("network configuration: %w", err)
	}
	if config.EnableIPv6 {
		return errors.New("network configuration: EnableIPv6 is not built in")
	}
	if !config.EnableNFTables {
		// iptables sees bridged packets only with this module; flannel would seem to work and services would not.
		if _, err := os.Stat("/proc/sys/net/bridge/bridge-nf-call-iptables"); err != nil {
			return fmt.Errorf("br_netfilter is not loaded: %w", err)
		}
	}
	stack, err := ipmatch.GetIPFamily(config.EnableIPv4, config.EnableIPv6)
	if err != nil {
		return err
	}
	if stored, _ := manager.GetStoredPublicIP(ctx); stored != "" {
		o.publicIP = stored
	}
	external, err := externalInterface(o, stack)
	if err != nil {
		return fmt.Errorf("no interface to other nodes: %w", err)
	}

	var running sync.WaitGroup
	chosen, err := backend.NewManager(ctx, manager, external).GetBackend(config.BackendType)
	if err != nil {
		return fmt.Errorf("backend %s: %w", config.BackendType, err)
	}
	network, err := retry(ctx, "registering the network", func() (backend.Network, error) {
		return chosen.RegisterNetwork(ctx, &running, config)
	})
	if err != nil {
		return err
	}

	rules, other := trafficmngr.TrafficManager(&iptables.IPTablesManager{}), trafficmngr.TrafficManager(&nftables.NFTablesManager{})
	if config.EnableNFTables {
		rules, other = other, rules
	}
	if err := other.CleanUp(ctx); err != nil {
		return fmt.Errorf("removing the other kind of rules: %w", err)
	}
	if err := rules.Init(ctx); err != nil {
		return fmt.Errorf("rules: %w", err)
	}
	noIPv6 := ip.IP6Net{IP: (*ip.IP6)(big.NewInt(0))}
	if o.ipMasq {
		err := rules.SetupAndEnsureMasqRules(ctx,
			config.Network, previous(o.subnetFile, "FLANNEL_SUBNET"), previous(o.subnetFile, "FLANNEL_NETWORK"),
			config.IPv6Network, noIPv6, noIPv6, network.Lease(), o.resyncSeconds, false)
		if err != nil {
			return fmt.Errorf("masquerade rules: %w", err)
		}
	}
	if o.forwardRules {
		rules.SetupAndEnsureForwardRules(ctx, config.Network, config.IPv6Network, o.resyncSeconds)
	}

	lease := network.Lease()
	if err := manager.HandleSubnetFile(o.subnetFile, config, o.ipMasq, lease.Subnet, lease.IPv6Subnet, network.MTU()); err != nil {
		return fmt.Errorf("subnet file: %w", err)
	}
	if err := installCNI(o); err != nil {
		return fmt.Errorf("CNI configuration: %w", err)
	}
	ready.Store(true)
	klog.Infof("ready: subnet %s by %s on %s (%s)", lease.Subnet, config.BackendType, external.Iface.Name, external.ExtAddr)

	running.Go(func() { network.Run(ctx) })
	if err := manager.CompleteLease(ctx, lease, &running); err != nil {
		return fmt.Errorf("lease: %w", err)
	}
	running.Wait()
	return nil
}

func main() {
	o, ok := parse(os.Args[1:])
	if !ok {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil && ctx.Err() == nil {
		klog.Exitf("%v", err)
	}
}
