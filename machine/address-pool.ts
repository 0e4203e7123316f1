import {
    type AddressPool,
    contains,
    parseAddress,
    parsePool,
    parseRange,
    poolOf,
    poolsMeet,
    poolText,
} from "./address-range";
import { containersIn, nodeAddress } from "./docker-network";
import { MachineError } from "./errors";
import { MachineFolder } from "./folder";
import type { PoolSpec } from "./spec";

/** Who has an address of a network. */
export interface Holder {
    name: string;
    address: string;
}

/**
 * The pool that Services get addresses of in a Docker network: the wanted one, or the network's last addresses, at most
 * fifty. Nodes have the first ones.
 *
 * @param subnet The network's range, such as 172.18.0.0/16.
 * @throws MachineError if the wanted pool is not in the network, or meets somebody's address.
 */
export function poolInNetwork(subnet: string, holders: readonly Holder[], wanted: string | undefined): AddressPool {
    const range = parseRange(subnet);
    if (range === undefined) {
        throw new MachineError(`the machines' network ${subnet} is no IPv4 range`);
    }
    const { first, last } = poolOf(range);
    // The network's own address, Docker's gateway and the one for broadcasts are nobody's to give.
    const usable = { first: first + 2, last: last - 1 };
    const suggested = { first: last - Math.min(50, Math.floor((last - first + 1) / 4)), last: last - 1 };
    const pool = wanted === undefined ? suggested : parsePool(wanted);
    const mend = `choose others with \`pulumi config set nta:addressPool ${poolText(suggested)}\``;
    if (pool === undefined || !contains(usable, pool)) {
        throw new MachineError(
            `nta:addressPool is ${wanted}, and the machines' network has ${poolText(usable)} to give: ${mend}`,
        );
    }
    const holder = holders.find(({ address }) => {
        const number = parseAddress(address);
        return number !== undefined && poolsMeet(pool, { first: number, last: number });
    });
    if (holder !== undefined) {
        const { name, address } = holder;
        throw new MachineError(
            `the pool of addresses ${poolText(pool)} has ${address} in it, which is ${name}'s: ` +
                (wanted === undefined ? "set nta:addressPool to addresses that nobody has" : mend),
        );
    }
    return pool;
}

/**
 * The addresses of the machines' network that Services get.
 *
 * @throws MachineError where there are none to give, or the wanted ones can't be given.
 */
export async function addressPool({ clusterName, nodes, pool }: PoolSpec): Promise<string> {
    const { provider, subnet } = new MachineFolder(clusterName).state;
    if (provider === "virtualbox") {
        throw new MachineError(
            "VirtualBox's machines have no address that this machine reaches, so Services of type LoadBalancer would have " +
                "none either: leave out `type` in nta:jobs and nta:addressPool, or use another nta:provider",
        );
    }
    if (provider === "libvirt") {
        if (pool === undefined) {
            throw new MachineError(
                "libvirt's DHCP may give any address of the machines' network to a machine, so this program chooses none for " +
                    "Services: `pulumi config set nta:addressPool <address>-<address>`, with addresses that it leaves alone " +
                    "(`virsh net-dumpxml vagrant-libvirt` shows its ranges)",
            );
        }
        return pool;
    }
    if (subnet === undefined) {
        throw new MachineError(`the machines of ${clusterName} have no network yet: run \`pulumi up\` again`);
    }
    const own = nodes.map((name, index) => ({ name, address: nodeAddress(subnet, index) }));
    return poolText(poolInNetwork(subnet, [...own, ...(await containersIn(clusterName))], pool));
}
