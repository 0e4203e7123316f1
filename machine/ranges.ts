import { hostRoutes, overlaps, parseRange } from "./address-range";
import { dockerNetworks } from "./docker-network";
import { MachineError } from "./errors";
import type { MachineSpec } from "./spec";

/** Ranges of this machine's networks, each with what it is, other than the cluster's own network. */
async function takenRanges(clusterName: string, withDocker: boolean): Promise<[range: string, what: string][]> {
    const networks = withDocker ? await dockerNetworks() : [];
    const own = networks.filter(({ name }) => name === clusterName).map(({ subnet }) => subnet);
    const others = networks.filter(({ name }) => name !== clusterName);
    const routes = hostRoutes().map(({ text, device }): [string, string] => [
        text,
        `this machine's network on ${device}`,
    ]);
    const named = others.map(({ subnet, name }): [string, string] => [subnet, `the Docker network "${name}"`]);
    const known = [...own, ...named.map(([range]) => range)];
    return [...named, ...routes.filter(([range]) => !known.includes(range))];
}

function conflicts(wanted: [string, string][], taken: [string, string][], mend: (what: string) => string): void {
    const problems = wanted.flatMap(([range, what]) => {
        const other = taken.find(([candidate]) => {
            const [one, two] = [parseRange(range), parseRange(candidate)];
            return one !== undefined && two !== undefined && overlaps(one, two);
        });
        return other === undefined ? [] : [`${what}, ${range}, overlaps with ${other[1]}, ${other[0]}: ${mend(what)}`];
    });
    if (problems.length > 0) {
        throw new MachineError(problems.join("\n"));
    }
}

/** The cluster's inside ranges: the setting's name and its value. */
function inside(spec: MachineSpec): [string, string][] {
    return Object.entries(spec.ranges ?? {}).map(([setting, range]) => [range, `nta:${setting}`]);
}

const moveInside = (what: string) => `choose another with \`pulumi config set ${what} <range>\``;

/**
 * Refuses ranges for pods and services that belong to a network of this machine, because pods could not reach that then, and
 * other ones than the cluster was made with, because a cluster keeps them for life.
 */
export async function checkRanges(
    spec: MachineSpec,
    applied: MachineSpec | undefined,
    withDocker: boolean,
): Promise<void> {
    if (applied === undefined) {
        return conflicts(inside(spec), await takenRanges(spec.clusterName, withDocker), moveInside);
    }
    for (const [setting, range] of Object.entries(spec.ranges ?? {})) {
        const former = applied.ranges?.[setting];
        if (former !== undefined && former !== range) {
            throw new MachineError(
                `nta:${setting} is ${range}, and the cluster ${spec.clusterName} was made with ${former}, which it keeps for life: ` +
                    `\`pulumi config set nta:${setting} ${former}\`, or \`pulumi destroy\` first`,
            );
        }
    }
}

/** Refuses a network for the machines that is in the way of the cluster's inside ranges or of another network. */
export async function checkMachineNetwork(spec: MachineSpec, subnet: string): Promise<void> {
    const what = `the network of the machines of ${spec.clusterName}`;
    conflicts(inside(spec), [[subnet, what]], moveInside);
    conflicts([[subnet, what]], await takenRanges(spec.clusterName, true), () => "remove or move the other network");
}
