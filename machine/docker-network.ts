import { addressText, parseRange, sizeOf } from "./address-range";
import { clusterLabel, docker, need } from "./docker";
import { MachineError } from "./errors";

const subnetLabel = "nta.subnet";

/** How many ranges that Docker chooses may be taken meanwhile: more than clusters are ever made at once on a machine. */
const mostTries = 10;

/**
 * Makes the cluster's network unless it exists, and gives its range. Docker chooses a free range; the network is then made
 * with that range as its own, because only so may nodes keep fixed addresses in it. To containers that others put into it,
 * Docker gives addresses of the first half: those of the second are for Services (see address-pool.ts).
 */
export async function ensureNetwork(cluster: string, wanted: string | undefined): Promise<string> {
    const format = `{{index .Labels "${subnetLabel}"}}`;
    const existing = await docker(["network", "inspect", "--format", format, cluster]);
    if (existing.code === 0 && existing.stdout.trim() !== "") {
        return existing.stdout.trim();
    }
    if (existing.code === 0) {
        await need(["network", "rm", cluster]);
    }
    const label = ["--label", `${clusterLabel}=${cluster}`];
    for (let tries = 1; ; tries++) {
        const subnet = wanted ?? (await freeRange(cluster, label));
        const ranges = ["--subnet", subnet, "--ip-range", firstHalf(subnet)];
        try {
            await need(["network", "create", ...label, "--label", `${subnetLabel}=${subnet}`, ...ranges, cluster]);
            return subnet;
        } catch (error) {
            // Docker gives a range to whoever asks first: another cluster's network may have been made in it meanwhile.
            const taken = error instanceof MachineError && /overlap/i.test(error.message);
            if (!taken || wanted !== undefined || tries === mostTries) {
                throw error;
            }
        }
    }
}

/** A range that Docker chooses for a network of that name, which is there no more. */
async function freeRange(cluster: string, label: string[]): Promise<string> {
    await need(["network", "create", ...label, cluster]);
    const subnet = await need(["network", "inspect", "--format", "{{(index .IPAM.Config 0).Subnet}}", cluster]);
    await need(["network", "rm", cluster]);
    return subnet;
}

function firstHalf(subnet: string): string {
    const [address, prefix] = subnet.split("/");
    return `${address}/${Number(prefix) + 1}`;
}

/** The containers that are in a network now, with their addresses. */
export async function containersIn(network: string): Promise<{ name: string; address: string }[]> {
    const format = "{{range .Containers}}{{.Name}} {{.IPv4Address}}\n{{end}}";
    const lines = (await need(["network", "inspect", "--format", format, network])).split("\n");
    return lines
        .filter((line) => line !== "")
        .map((line) => {
            const [name, address] = line.split(" ");
            return { name, address: address.replace(/\/.*/, "") };
        });
}

/** The IPv4 ranges of all of Docker's networks. */
export async function dockerNetworks(): Promise<{ name: string; subnet: string }[]> {
    const ids = (await need(["network", "ls", "--quiet", "--filter", "driver=bridge"])).split("\n");
    const format = "{{.Name}}{{range .IPAM.Config}} {{.Subnet}}{{end}}";
    const { stdout } = await docker(["network", "inspect", "--format", format, ...ids]);
    return stdout
        .trim()
        .split("\n")
        .flatMap((line) => {
            const [name, ...subnets] = line.split(" ");
            return subnets.map((subnet) => ({ name, subnet }));
        });
}

/** The address of the node with this index (from 0): the range's first address is the gateway's. */
export function nodeAddress(subnet: string, index: number): string {
    const range = parseRange(subnet);
    // The first address is the network's, the second the gateway's, the last is for broadcasts.
    if (range === undefined || index + 3 >= sizeOf(range)) {
        throw new MachineError(
            `the machines' network ${subnet} has no address for machine ${index + 1}: ask for fewer with ` +
                "`pulumi config set nta:nodes <number>`",
        );
    }
    return addressText(range.first + 2 + index);
}
