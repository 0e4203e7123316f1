import * as crypto from "node:crypto";
import { MachineError } from "./errors";
import type { ExecuteOptions, Nodes } from "./nodes";
import type { Result } from "./process";
import type { Progress } from "./progress";

const tokenLifetime = "15m";
const drainSeconds = 300;

/** On a node that is being drained to be removed; tells it from one that the user has cordoned. */
export const leavingAnnotation = "nta/leaving";

/** On a node that an upgrade has closed to new pods. */
export const upgradingAnnotation = "nta/upgrading";

/** kubectl as administrator, on the first node. */
export function kubectl(nodes: Nodes, first: string, command: string, options?: ExecuteOptions): Promise<Result> {
    return nodes.execute(first, `kubectl --kubeconfig /etc/kubernetes/admin.conf ${command}`, options);
}

/** Lets pods of these nodes start elsewhere, and no new ones onto them; those of DaemonSets stay. */
export function drain(nodes: Nodes, first: string, names: string[], ...more: string[]): Promise<Result> {
    const seconds = drainSeconds * nodes.patience;
    const options = ["--ignore-daemonsets", "--delete-emptydir-data", ...more, `--timeout=${seconds}s`];
    return kubectl(nodes, first, ["drain", ...names, ...options].join(" "), { timeoutSeconds: seconds + 30 });
}

/** Fails in the command's own words. */
export async function must(what: string, result: Promise<Result>): Promise<void> {
    const { code, stdout, stderr } = await result;
    if (code !== 0) {
        throw new MachineError(`${what} failed: ${(stderr || stdout).trim()}`);
    }
}

/** kubeadm's name for a certificate authority (PEM): the digest of its public key. */
export function caCertHash(certificate: Buffer): string {
    const key = new crypto.X509Certificate(certificate).publicKey.export({ type: "spki", format: "der" });
    return `sha256:${crypto.createHash("sha256").update(key).digest("hex")}`;
}

/**
 * Lets machines into the cluster. One that has no part in it asks for an invitation (cloud-init/files/nta-node.sh) and gets
 * a token of the first node, made when the first asks, and the hash of the authority that it may trust. The token is
 * deleted by `end`, and ends by itself where that is never called.
 */
export class Invitations {
    private token?: string;
    private signed = false;

    constructor(
        private readonly nodes: Nodes,
        private readonly first: string,
        private readonly caCertificate: Buffer,
    ) {}

    /** Invites those of the candidates that ask for it, and gives their names. */
    async answer(candidates: string[]): Promise<string[]> {
        const asks = "test -e /run/nta/asks-to-join && test ! -e /run/nta/invitation";
        const asking = await Promise.all(
            candidates.map(async (name) => ((await this.nodes.execute(name, asks)).code === 0 ? [name] : [])),
        );
        const names = asking.flat();
        if (names.length === 0 || !(await this.makeToken())) {
            return [];
        }
        const [signed] = await Promise.all([this.isSigned(), this.removeFormer(names)]);
        if (!signed) {
            return [];
        }
        const input = `${this.token} ${caCertHash(this.caCertificate)}\n`;
        const take = "umask 077; cat >/run/nta/invitation.new && mv /run/nta/invitation.new /run/nta/invitation";
        await Promise.all(names.map((name) => must(`inviting ${name}`, this.nodes.execute(name, take, { input }))));
        return names;
    }

    /** False as long as `kubeadm init` has not ended on the first node. */
    private async makeToken(): Promise<boolean> {
        if (this.token === undefined) {
            const create = `kubeadm token create --kubeconfig /etc/kubernetes/admin.conf --ttl ${tokenLifetime}`;
            const { code, stdout } = await this.nodes.execute(
                this.first,
                `test -e /var/lib/nta/initialised && ${create} 2>/dev/null`,
            );
            const token = /^[a-z0-9]{6}\.[a-z0-9]{16}$/m.exec(stdout)?.[0];
            this.token = code === 0 ? token : undefined;
        }
        return this.token !== undefined;
    }

    /** A lost machine's place in the cluster is taken by its successor, and what ran on it is started elsewhere. */
    private removeFormer(names: string[]): Promise<void> {
        const list = names.join(" ");
        const remove = `delete node ${list} --ignore-not-found`;
        return must(`removing the former ${list}`, kubectl(this.nodes, this.first, remove));
    }

    /**
     * Whether the cluster vouches for itself by the token: `kubeadm join` looks for that every 5 s only. Waits for it a
     * little, because the controller that signs takes about a second, and this question takes as long where all nodes start.
     */
    private async isSigned(): Promise<boolean> {
        if (!this.signed) {
            const signature = `jsonpath='{.data.jws-kubeconfig-${this.tokenId}}'`;
            const wait = `wait configmap cluster-info --namespace kube-public --for=${signature} --timeout=5s`;
            this.signed = (await kubectl(this.nodes, this.first, wait)).code === 0;
        }
        return this.signed;
    }

    private get tokenId(): string {
        return this.token?.split(".")[0] ?? "";
    }

    /** Deletes the token. Never throws: it would end by itself. */
    async end(): Promise<void> {
        if (this.token !== undefined) {
            const remove = `kubeadm token delete --kubeconfig /etc/kubernetes/admin.conf ${this.tokenId}`;
            await this.nodes.execute(this.first, remove);
            this.token = undefined;
            this.signed = false;
        }
    }
}

/** Lets CoreDNS fit the number of nodes. */
export async function fitDns(nodes: Nodes, first: string): Promise<void> {
    await must("changing CoreDNS", nodes.execute(first, "nta-node dns"));
}

/**
 * Drains a node and removes it from the cluster, and its machine. One that is not Ready can't be drained: what ran on it is
 * started elsewhere once it is no longer in the cluster.
 */
export async function dismiss(
    nodes: Nodes,
    first: string,
    node: { name: string; ready: boolean },
    progress: Progress,
): Promise<void> {
    const { name, ready } = node;
    if (ready) {
        progress.step(`${name}: draining it`);
        await must(
            `marking ${name}`,
            kubectl(nodes, first, `annotate --overwrite node ${name} ${leavingAnnotation}=true`),
        );
        const { code, stderr } = await drain(nodes, first, [name], "--force");
        if (code !== 0) {
            throw new MachineError(
                `${name} could not be drained within ${drainSeconds} s, so it stays, without new pods:\n${stderr.trim()}\n` +
                    `Run the command again when the cause is mended, or take the node back by setting nta:nodes to the old number`,
            );
        }
    }
    progress.step(`${name}: removing it`);
    await must(`removing ${name} from the cluster`, kubectl(nodes, first, `delete node ${name} --ignore-not-found`));
    await nodes.remove(name);
}

/** Takes back nodes that an earlier {@link dismiss} could not drain. */
export async function takeBack(nodes: Nodes, first: string, names: string[]): Promise<void> {
    const list = names.join(" ");
    await must(`taking back ${list}`, kubectl(nodes, first, `uncordon ${list}`));
    await must(`taking back ${list}`, kubectl(nodes, first, `annotate node ${list} ${leavingAnnotation}-`));
}
