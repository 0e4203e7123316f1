import { checkCapacity } from "./capacity";
import * as docker from "./docker";
import { ensureNetwork, nodeAddress } from "./docker-network";
import { firstMachineLost, MachineError } from "./errors";
import { MachineFolder } from "./folder";
import type { ExecuteOptions, Nodes } from "./nodes";
import { checkPorts } from "./ports";
import type { Result } from "./process";
import type { Progress } from "./progress";
import { nodeImage } from "./provider";
import { checkMachineNetwork } from "./ranges";
import { writeSeed } from "./seed";
import { type MachineSpec, nodeSize, type NodeSize, type NodeSpec } from "./spec";
import { setVagrantId, vagrantUp } from "./vagrant";
import { writeVagrantfile } from "./vagrantfile";

/**
 * Nodes as containers of Vagrant's docker provider. They are made as Vagrant would make them, and Vagrant takes them over
 * while they boot: it needs seconds to start.
 */
export class DockerNodes implements Nodes {
    readonly pollMilliseconds = 500;
    readonly patience = 1;

    constructor(
        private readonly spec: MachineSpec,
        private readonly folder: MachineFolder,
        private readonly progress: Progress,
        /** The machines were made before, so something that is missing was lost. */
        private readonly expected: boolean,
    ) {}

    /** `vagrant up` at work, and how it ends. */
    private vagrant: Promise<unknown> = Promise.resolve();

    async converge(): Promise<Map<string, Date>> {
        const { spec, folder, progress } = this;
        const cluster = spec.clusterName;
        if (folder.hasLeftovers) {
            progress.step("removing what an earlier destroy could not");
            await docker.removeBelongings(cluster);
            folder.hasLeftovers = false;
        }
        const existing = new Map<string, docker.Container>();
        for (const { name } of spec.nodes) {
            const found = await docker.container(name);
            if (found !== undefined && found.cluster !== cluster) {
                throw new MachineError(
                    `a container called "${name}" exists that this project did not make: remove or rename it, or use another stack name`,
                );
            }
            if (found !== undefined) {
                existing.set(name, found);
            }
        }
        await this.settleVolumes(existing);
        const capacity = await docker.dockerCapacity();
        const image = await this.chooseImage();
        const own = [...existing.values()].filter((it) => it.status === "running").flatMap((it) => it.hostPorts);
        await checkPorts(spec.hostAddress, spec.ports, own);
        const missing = spec.nodes.filter(({ name }) => !existing.has(name));
        if (missing.length > 0) {
            checkCapacity(spec, missing, capacity.root);
        }
        const sizes = this.sizes(capacity);
        let { privileged } = folder.state;
        if (privileged === undefined) {
            privileged = await docker.privilegedAllowed(image, cluster);
            folder.remember({ privileged });
        }
        const former = folder.state.subnet;
        if (former !== undefined) {
            await checkMachineNetwork(spec, former);
        }
        const subnet = await ensureNetwork(cluster, former);
        if (subnet !== former) {
            await checkMachineNetwork(spec, subnet);
        }
        folder.remember({ subnet });

        const plans = new Map<string, docker.ContainerPlan>();
        for (const [index, node] of spec.nodes.entries()) {
            await docker.createVolumes(cluster, node.name);
            plans.set(
                node.name,
                docker.containerPlan({
                    cluster,
                    name: node.name,
                    image,
                    address: nodeAddress(subnet, index),
                    privileged,
                    ...sizes[index],
                    seed: writeSeed(folder, node),
                    ports: docker.portsOf(spec, index),
                    hostAddress: spec.hostAddress,
                }),
            );
        }
        writeVagrantfile(folder, {
            provider: "docker",
            clusterName: cluster,
            hostAddress: spec.hostAddress,
            nodes: spec.nodes.map((node, index) => ({
                name: node.name,
                ports: docker.portsOf(spec, index),
                image,
                createArgs: plans.get(node.name)?.createArgs,
                volumes: plans.get(node.name)?.volumes,
            })),
        });

        const toStart: docker.ContainerPlan[] = [];
        for (const [index, node] of spec.nodes.entries()) {
            const plan = plans.get(node.name) as docker.ContainerPlan;
            if (!(await this.settle(node, existing.get(node.name), plan.config, sizes[index]))) {
                toStart.push(plan);
            }
        }
        if (toStart.length > 0) {
            progress.step(`starting ${toStart.map((plan) => plan.name).join(", ")}`);
            await Promise.all(toStart.map((plan) => this.start(plan)));
            this.vagrant = vagrantUp(folder, "docker", (line) => progress.note(line)).catch((error: unknown) => error);
        }
        return this.starts();
    }

    /** Each node's size, with no more processors than the Docker engine has. */
    private sizes(capacity: NodeSize): NodeSize[] {
        return this.spec.nodes.map((node) => {
            const { cpus, memory } = nodeSize(this.spec, node);
            if (memory > capacity.memory) {
                throw new MachineError(
                    `the memory of ${node.name} is ${memory} MiB and the Docker engine's machine has ${capacity.memory} MiB: ask ` +
                        "for less with `pulumi config set nta:memory <MiB>`, or in `nta:nodePools`",
                );
            }
            if (cpus > capacity.cpus) {
                this.progress.note(
                    `${node.name}: ${cpus} CPUs are asked for, and it gets the ${capacity.cpus} that the Docker engine's machine has`,
                );
            }
            return { cpus: Math.min(cpus, capacity.cpus), memory };
        });
    }

    private async start(plan: docker.ContainerPlan): Promise<void> {
        if ((await docker.container(plan.name)) === undefined) {
            setVagrantId(this.folder, plan.name, "docker", await docker.createContainer(plan));
        }
        await docker.start(plan.name);
    }

    async settled(): Promise<void> {
        const failure = await this.vagrant;
        if (failure !== undefined) {
            throw failure;
        }
    }

    /** What volumes without a container mean: data to keep, or the rest of a creation that was cut short. */
    private async settleVolumes(existing: Map<string, docker.Container>): Promise<void> {
        const { spec, folder, progress } = this;
        const { provider, healthyOnce } = folder.state;
        for (const { name } of spec.nodes.filter((node) => !existing.has(node.name))) {
            const volumes = await docker.existingVolumes(name);
            if (volumes.length === 0) {
                if (this.expected && name === spec.nodes[0].name) {
                    throw firstMachineLost(name);
                }
            } else if (healthyOnce !== true && provider !== undefined) {
                progress.step(`${name}: removing volumes of an interrupted creation`);
                await docker.removeVolumes(volumes);
            } else {
                progress.note(`${name}: its container is missing, its volumes are there: making it anew with its data`);
            }
        }
    }

    /** The image that this cluster was made from as long as it exists, because its volumes go with it; else the newest. */
    private async chooseImage(): Promise<string> {
        const { image } = this.folder.state;
        if (image !== undefined && (await docker.imageExists(image))) {
            return image;
        }
        const { kubernetesVersion } = this.spec;
        const { dockerImage } = nodeImage(kubernetesVersion);
        if (dockerImage === undefined || !(await docker.imageExists(dockerImage))) {
            throw new MachineError(
                dockerImage === undefined
                    ? `the node image with Kubernetes ${kubernetesVersion} has not been built: run \`npm run up\`, which builds it`
                    : `the node image ${dockerImage} is not in the Docker engine: run \`npm run up\`, which builds it`,
            );
        }
        this.folder.remember({ image: dockerImage });
        return dockerImage;
    }

    /** Brings one existing container to its plan; true when it runs then. */
    private async settle(
        node: NodeSpec,
        found: docker.Container | undefined,
        config: string | undefined,
        { cpus, memory }: NodeSize,
    ): Promise<boolean> {
        const { folder, progress } = this;
        if (found === undefined) {
            setVagrantId(folder, node.name, "docker", undefined);
            return false;
        }
        const broken = ["dead", "removing", "restarting"].includes(found.status);
        if (broken || found.config !== config) {
            progress.step(
                broken
                    ? `${node.name}: its container is ${found.status}: making it anew with its data`
                    : `${node.name}: ports or rights have changed: making its container anew with its data`,
            );
            if (found.status === "running") {
                await docker.stop(node.name);
            }
            await docker.removeContainer(node.name);
            setVagrantId(folder, node.name, "docker", undefined);
            return false;
        }
        setVagrantId(folder, node.name, "docker", found.id);
        const resized = found.cpus !== cpus || found.memory !== memory;
        if (resized) {
            progress.step(`${node.name}: ${cpus} processors, ${memory} MiB of memory`);
            await docker.updateLimits(node.name, cpus, memory);
        }
        if (found.status === "paused") {
            await docker.unpause(node.name);
            return true;
        }
        if (found.status !== "running") {
            return false;
        }
        // cloud-init notes the instance that it has configured; another one means other documents than now.
        const instance = /^instance-id: *(\S+)/m.exec(node.metaData)?.[1];
        const applied = await docker.execute(node.name, "cat /var/lib/cloud/data/instance-id");
        if (applied.code === 0 && applied.stdout.trim() !== instance) {
            progress.step(`${node.name}: its cloud-init documents have changed: restarting it`);
            await docker.stop(node.name);
            return false;
        }
        if (resized) {
            await docker.execute(node.name, "nta-node prepare && systemctl try-restart kubelet.service");
        }
        return true;
    }

    async halt(): Promise<void> {
        const states = await docker.clusterStates(this.spec.clusterName);
        await Promise.all([...states].flatMap(([name, state]) => (state === "running" ? [docker.stop(name)] : [])));
    }

    async surplus(): Promise<string[]> {
        const names = this.spec.nodes.map((node) => node.name);
        return [...(await docker.clusterStates(this.spec.clusterName)).keys()].filter((name) => !names.includes(name));
    }

    async remove(node: string): Promise<void> {
        await docker.removeContainer(node);
        await docker.removeVolumes(await docker.existingVolumes(node));
        setVagrantId(this.folder, node, "docker", undefined);
    }

    private async starts(): Promise<Map<string, Date>> {
        const containers = await Promise.all(this.spec.nodes.map(({ name }) => docker.container(name)));
        return new Map(containers.flatMap((it) => (it === undefined ? [] : [[it.name, new Date(it.startedAt)]])));
    }

    execute(node: string, script: string, options?: ExecuteOptions): Promise<Result> {
        return docker.execute(node, script, options);
    }

    async failure(node: string): Promise<string | undefined> {
        const found = await docker.container(node);
        if (found === undefined) {
            return `the container ${node} has been removed`;
        }
        if (found.status === "running") {
            return undefined;
        }
        const { stdout, stderr } = await docker.docker(["logs", "--tail", "10", node]);
        return `the container ${node} is ${found.status} (exit code ${found.exitCode}); its last words:\n${stdout}${stderr}`;
    }
}
