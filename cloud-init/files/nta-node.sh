#!/bin/sh
# Brings this node into the state that /etc/nta describes. Can be run again at any time, also after it was killed.
#
#   nta-node prepare   every boot, before containerd and kubelet: addresses, DNS, firewall, configuration files
#   nta-node cluster   every boot, after containerd: kubeadm init or join where it has not been done, addons
#   nta-node dns       on the first node, when others have come or gone: as much CoreDNS as there are nodes for
set -eu

. /etc/nta/node.env

# Of this boot only.
log=/run/nta-node.log
kubeadm_log=/var/log/nta-kubeadm.log
initialised=/var/lib/nta/initialised
# The kubeadm.yaml that the API server was last given its arguments from.
applied=/var/lib/nta/kubeadm.yaml
export KUBECONFIG=/etc/kubernetes/admin.conf

say() {
    echo "$*"
    echo "$*" >>"$log"
}

# ------------------------------------------------------------------------------------------------------------- prepare

uplink() {
    ip -4 -o route show default | awk '{ for (i = 1; i < NF; i++) if ($i == "dev") { print $(i + 1); exit } }'
}

own_address() {
    device=$(uplink)
    if [ -n "$device" ]; then
        ip -4 -o address show dev "$device" scope global
    else
        ip -4 -o address show scope global
    fi | awk '{ sub("/.*", "", $4); print $4; exit }'
}

# The first node's name must resolve before the cluster's DNS exists, for kubelet, containerd and host network pods. An
# address that the settings do not fix comes from the machine network's own DNS. The file is written in place: on Docker
# it is a mount.
write_hosts() {
    begin="# nta: begin"
    end="# nta: end"
    kept=$(sed "/^$begin\$/,/^$end\$/d" /etc/hosts)
    {
        echo "$kept"
        echo "$begin"
        echo "$address $NTA_NODE"
        if [ "$NTA_NODE" != "$NTA_FIRST_NODE" ]; then
            first_address=${NTA_FIRST_ADDRESS:-$(getent ahostsv4 "$NTA_FIRST_NODE" | awk '{ print $1; exit }')}
            [ -z "$first_address" ] || echo "$first_address $NTA_FIRST_NODE"
        fi
        echo "$end"
    } >/etc/nta/hosts
    cat /etc/nta/hosts >/etc/hosts
}

# Pods cannot reach a resolver on the node's loopback address (CoreDNS would even forward to itself). systemd-resolved
# keeps the real servers in a file. Docker's resolver listens on a random port of 127.0.0.11: it is made reachable under
# the gateway's address.
write_resolv_conf() {
    source=/etc/resolv.conf
    [ -s /run/systemd/resolve/resolv.conf ] && source=/run/systemd/resolve/resolv.conf
    servers=$(awk '$1 == "nameserver" && $2 !~ /^127\./ && $2 != "::1" { print $2 }' $source)
    gateway=$(ip -4 -o route show default | awk '{ for (i = 1; i < NF; i++) if ($i == "via") { print $(i + 1); exit } }')
    if [ -z "$servers" ] && grep -q '^nameserver 127\.0\.0\.11$' $source && [ -n "$gateway" ]; then
        {
            echo "*nat"
            echo ":NTA-DNS - [0:0]"
            for protocol in udp tcp; do
                port=$(docker_resolver_port $protocol)
                if [ -n "$port" ]; then
                    echo "-A NTA-DNS -d $gateway/32 -p $protocol --dport 53 -j DNAT --to-destination 127.0.0.11:$port"
                fi
            done
            echo "COMMIT"
        } | iptables-restore --wait --noflush
        jump nat PREROUTING NTA-DNS
        jump nat OUTPUT NTA-DNS
        servers=$gateway
    fi
    # Without any upstream, names outside the cluster fail at once (240/4 is unroutable) and CoreDNS still starts.
    [ -n "$servers" ] || servers=240.0.0.1
    for server in $servers; do
        echo "nameserver $server"
    done >/etc/nta/resolv.conf
}

# The port in this network namespace on which Docker's resolver (127.0.0.11, B00007F in /proc/net) listens.
docker_resolver_port() {
    awk '$2 ~ /^0B00007F:/ { sub(".*:", "", $2); print $2; exit }' "/proc/net/$1" | while read -r hex; do
        printf '%d\n' "0x$hex"
    done
}

jump() {
    iptables --wait -t "$1" -C "$2" -j "$3" 2>/dev/null || iptables --wait -t "$1" -I "$2" 1 -j "$3"
}

# Until kube-proxy and flannel have done their work, packets to services and pods would leave by the default route.
reject_leaks() {
    iptables-restore --wait --noflush /etc/nta/egress.rules
    jump filter OUTPUT NTA-EGRESS
    jump filter FORWARD NTA-EGRESS
    jump mangle POSTROUTING NTA-EGRESS
}

# kubelet sees the host's memory and processors: what lies above the machine's limits is declared as reserved. Where a
# container lacks CAP_SYS_RESOURCE (bit 24), no process can be protected from the kernel's out-of-memory killer.
measure_machine() {
    if [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; then
        limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || true)
        read -r cpu_quota cpu_period </sys/fs/cgroup/cpu.max 2>/dev/null || cpu_quota=max
    else
        limit=$(cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || true)
        cpu_quota=$(cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || echo -1)
        cpu_period=$(cat /sys/fs/cgroup/cpu/cpu.cfs_period_us 2>/dev/null || echo 100000)
    fi
    total_kib=$(awk '$1 == "MemTotal:" { print $2 }' /proc/meminfo)
    reserved_kib=0
    case $limit in
    "" | max) ;;
    *)
        # "No limit" is a number of 19 digits under cgroup v1.
        if [ ${#limit} -lt 16 ] && [ $((limit / 1024)) -lt "$total_kib" ]; then
            reserved_kib=$((total_kib - limit / 1024))
        fi
        ;;
    esac
    reserved_cpu=0
    case $cpu_quota in
    max | -1) ;;
    *) reserved_cpu=$(($(nproc --all) * 1000 - cpu_quota * 1000 / cpu_period)) ;;
    esac
    if [ "$reserved_cpu" -lt 0 ]; then
        reserved_cpu=0
    fi
    kube_proxy_oom=0
    bounding=$(awk '$1 == "CapBnd:" { print $2 }' /proc/self/status)
    if [ $((0x$bounding >> 24 & 1)) -eq 1 ]; then
        kube_proxy_oom=-999
    fi
}

# A machine whose processors are emulated takes ten times as long for everything: what would be a sign of failure
# elsewhere is its usual pace.
allow_for_emulation() {
    kubeadm_timeout=4m0s
    etcd_heartbeat_ms=100
    etcd_election_ms=1000
    if [ "$(systemd-detect-virt)" = qemu ]; then
        say "node: its processors are emulated, so it is given more time"
        kubeadm_timeout=15m0s
        etcd_heartbeat_ms=1000
        etcd_election_ms=10000
        cp /etc/nta/templates/emulated/kubelet.yaml /run/nta/kubelet.conf.d/30-emulated.conf
        if [ "$NTA_NODE" = "$NTA_FIRST_NODE" ]; then
            cp /etc/nta/templates/emulated/patches/* /run/nta/patches/
        fi
    fi
}

render() {
    sed -e "s|@ADDRESS@|$address|g" \
        -e "s|@KUBERNETES_VERSION@|$kubernetes_version|g" \
        -e "s|@KUBEADM_TIMEOUT@|$kubeadm_timeout|g" \
        -e "s|@ETCD_HEARTBEAT_MS@|$etcd_heartbeat_ms|g" \
        -e "s|@ETCD_ELECTION_MS@|$etcd_election_ms|g" \
        -e "s|@KUBE_PROXY_OOM_SCORE_ADJ@|$kube_proxy_oom|g" \
        -e "s|@RESERVED_MEMORY@|${reserved_kib}Ki|g" \
        -e "s|@RESERVED_CPU@|${reserved_cpu}m|g" "$1"
}

prepare() {
    say "node: addresses, DNS and firewall"
    mkdir -p /var/lib/nta/volumes /run/nta/kubelet.conf.d /run/nta/patches /etc/kubernetes/manifests
    for module in overlay br_netfilter; do
        modprobe -q $module 2>/dev/null || true
    done
    for setting in net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1; do
        sysctl -q -w $setting || say "node: sysctl $setting is refused"
    done
    reject_leaks
    address=$(own_address)
    if [ -z "$address" ]; then
        say "node: no IPv4 address yet"
        return 1
    fi
    write_hosts
    write_resolv_conf
    measure_machine
    allow_for_emulation
    kubernetes_version=$(kubeadm version --output short)
    render /etc/nta/templates/kubelet.yaml >/run/nta/kubelet.conf.d/20-machine.conf
    render /etc/nta/templates/kubeadm.yaml >/etc/nta/kubeadm.yaml
    chmod 600 /etc/nta/kubeadm.yaml
    for volume in $NTA_VOLUMES; do
        mkdir -p "/var/lib/nta/volumes/$volume"
    done
    if [ "$NTA_NODE" = "$NTA_FIRST_NODE" ]; then
        mkdir -p /var/lib/nta/registry
        if [ "$(stat -c %U /var/lib/nta/registry)" != docker-registry ]; then
            chown -R docker-registry:docker-registry /var/lib/nta/registry
        fi
    fi
}

# ------------------------------------------------------------------------------------------------------------- cluster

# By curl: where processors are emulated, kubectl asked again and again would take one for itself.
wait_for_api() {
    until curl --silent --fail --output /dev/null --max-time 5 --cacert /etc/kubernetes/pki/ca.crt \
        https://127.0.0.1:6443/readyz; do
        sleep 0.5
    done
}

run_kubeadm() {
    if ! kubeadm "$@" >>"$kubeadm_log" 2>&1; then
        say "node: kubeadm $1 failed:"
        tail -n 15 "$kubeadm_log" | while read -r line; do say "  $line"; done
        return 1
    fi
}

# What a kubeadm run that was cut short left behind. The folders may be mount points, so they are emptied, not removed.
remove_half_made() {
    say "node: removing what an interrupted kubeadm left"
    kubeadm reset --force --cleanup-tmp-dir >>"$kubeadm_log" 2>&1 || true
    for directory in /etc/kubernetes /var/lib/etcd /var/lib/kubelet; do
        [ ! -d $directory ] || find $directory -xdev -mindepth 1 -delete 2>/dev/null || true
    done
    mkdir -p /etc/kubernetes/manifests
}

initialise() {
    if [ -e /etc/kubernetes/kubelet.conf ] || [ -n "$(ls -A /etc/kubernetes/pki 2>/dev/null)" ]; then
        remove_half_made
    fi
    if [ "$NTA_NODE" = "$NTA_FIRST_NODE" ]; then
        say "node: kubeadm init, control plane starting"
        run_kubeadm init --config /etc/nta/kubeadm.yaml
    else
        join
    fi
    mkdir -p "${initialised%/*}"
    cp --preserve=mode /etc/nta/kubeadm.yaml $applied
    touch "$initialised"
}

# machine/membership.ts answers with a token of the first node, which is made for this and not kept.
join() {
    say "node: waiting to be invited by $NTA_FIRST_NODE"
    touch /run/nta/asks-to-join
    until [ -s /run/nta/invitation ]; do
        sleep 0.2
    done
    read -r token ca_cert_hash </run/nta/invitation
    rm /run/nta/invitation /run/nta/asks-to-join
    say "node: kubeadm join"
    (
        umask 077
        sed -e "s|@JOIN_TOKEN@|$token|" -e "s|@CA_CERT_HASH@|$ca_cert_hash|" /etc/nta/kubeadm.yaml >/run/nta/join.yaml
    )
    joined=0
    run_kubeadm join --config /run/nta/join.yaml || joined=$?
    rm /run/nta/join.yaml
    return $joined
}

dns() {
    nodes=$(kubectl get nodes --output name | wc -l)
    sed "s/@REPLICAS@/$((nodes > 1 ? 2 : 1))/" /etc/nta/templates/coredns-patch.yaml >/run/nta/coredns-patch.yaml
    kubectl -n kube-system patch deployment coredns --patch-file /run/nta/coredns-patch.yaml >>"$kubeadm_log"
}

apply_addons() {
    say "node: addons: flannel, CoreDNS"
    kubectl apply --server-side --force-conflicts --validate=ignore -f /etc/nta/addons/ >>"$kubeadm_log"
    kubectl label node "$NTA_NODE" node.kubernetes.io/exclude-from-external-load-balancers- >>"$kubeadm_log" 2>&1
    dns
}

cluster() {
    if [ -e "$initialised" ]; then
        # The API server's arguments may have changed since. Its version changes in an upgrade only, of which this may be
        # the middle.
        if ! cmp -s /etc/nta/kubeadm.yaml $applied &&
            grep -qs "image: .*:$(kubeadm version --output short)\$" /etc/kubernetes/manifests/kube-apiserver.yaml; then
            run_kubeadm init phase control-plane apiserver --config /etc/nta/kubeadm.yaml
            cp --preserve=mode /etc/nta/kubeadm.yaml $applied
        fi
        say "node: starting kubelet"
        systemctl enable --quiet kubelet.service
        systemctl start --no-block kubelet.service
    else
        initialise
    fi
    if [ "$NTA_NODE" = "$NTA_FIRST_NODE" ]; then
        wait_for_api
        apply_addons
    fi
    say "node: set up"
}

case ${1:-} in
prepare | cluster | dns) "$1" ;;
*)
    echo "usage: nta-node prepare|cluster|dns" >&2
    exit 2
    ;;
esac
