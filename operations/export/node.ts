/** The newest lines of a journal that are exported. */
const journalLines = 20_000;

/** What is asked of each machine, as root: the file in the export, and the shell script that prints it. */
export const nodeReports: Readonly<Record<string, string>> = {
    "cloud-init.log": "cat /var/log/cloud-init.log",
    "cloud-init-output.log": "cat /var/log/cloud-init-output.log",
    "cloud-init-status.json": "cloud-init status --format json || cloud-init status --long",
    "node.log": "cat /run/nta-node.log",
    "kubeadm.log": "cat /var/log/nta-kubeadm.log",
    "kubelet.log": `journalctl --no-pager --output short-iso --lines ${journalLines} --unit kubelet`,
    "containerd.log": `journalctl --no-pager --output short-iso --lines ${journalLines} --unit containerd`,
    "registry.log": `journalctl --no-pager --output short-iso --lines ${journalLines} --unit docker-registry`,
    "warnings.log": `journalctl --no-pager --output short-iso --lines ${journalLines} --priority warning`,
    "audit.log": "tail --lines 2000 /var/lib/nta/audit/audit.log 2>/dev/null || true",
    "units.txt": "systemctl --no-pager --failed; systemctl --no-pager list-units --type service",
    "machine.txt":
        "uname -a; cat /etc/os-release; uptime; free -m; df -h; ip address; ip route; cat /etc/hosts /etc/resolv.conf; " +
        "kubelet --version; containerd --version; ls -la /etc/kubernetes /etc/kubernetes/manifests /etc/nta /var/lib/nta",
    "processes.txt": "ps -eo pid,ppid,user,rss,stat,lstart,args",
};
