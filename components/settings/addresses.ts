import {
    type AddressPool,
    addressText,
    contains,
    parseAddress,
    parsePool,
    parseRange,
    poolOf,
    poolsMeet,
} from "../../machine/address-range";
import type { SettingsContext } from "./context";
import type { Setting } from "./fields";
import { type FieldProblem, jobReport } from "./job-report";
import type { Job } from "./jobs/jobs";
import type { Report } from "./problems";
import { settingsByName } from "./schema";

/** Whether a job has an address on the nodes' network. */
export function isBalanced(job: Job): boolean {
    return "type" in job && job.type === "LoadBalancer";
}

/** Addresses of the service network that Kubernetes takes for itself: its API's, and its DNS's. */
const kubernetesOwn = [1, 10];

/** Checks the addresses that jobs ask for, and the pool that they come from. */
export function checkAddresses(values: ReadonlyMap<string, unknown>, context: SettingsContext, report: Report): void {
    const jobs = (values.get("jobs") ?? []) as readonly Job[];
    const ownCluster = values.get("cluster") === "vagrant";
    const poolValue = values.get("addressPool") as string | undefined;
    const pool = poolValue === undefined ? undefined : parsePool(poolValue);
    const rangeOf = (name: string) => {
        const range = parseRange((values.get(name) ?? "") as string);
        return range === undefined ? undefined : poolOf(range);
    };
    if (ownCluster && pool !== undefined) {
        for (const name of ["podRange", "serviceRange"]) {
            const range = rangeOf(name);
            if (range !== undefined && poolsMeet(pool, range)) {
                report(settingsByName.get("addressPool") as Setting, `has addresses of ${name} in it`, {
                    right: "addresses of the machines' network",
                });
            }
        }
    }
    const asking = jobs.filter(isBalanced).length;
    if (pool !== undefined && pool.last - pool.first + 1 < asking) {
        report(
            settingsByName.get("addressPool") as Setting,
            `has fewer addresses than the ${asking} jobs that want one`,
            {
                right: "one address for each job with type LoadBalancer",
            },
        );
    }
    if (ownCluster && values.has("addressPool")) {
        checkProvider(values.get("provider"), asking > 0 || pool !== undefined, pool, report);
    }
    checkJobs(jobs, pool, ownCluster ? rangeOf("serviceRange") : undefined, jobReport(context, report));
}

/** Not every kind of machine has a network whose addresses this program can give. */
function checkProvider(provider: unknown, wanted: boolean, pool: AddressPool | undefined, report: Report): void {
    if (!wanted) {
        return;
    }
    if (provider === "virtualbox") {
        report(
            settingsByName.get("provider") as Setting,
            "has no network between this machine and its own, but Services of type LoadBalancer need addresses of one",
            { right: "docker or libvirt, or no job with type LoadBalancer and no addressPool", suggestion: "docker" },
        );
    }
    if (provider === "libvirt" && pool === undefined) {
        report(settingsByName.get("addressPool") as Setting, "is not set, but a job has type LoadBalancer", {
            right: "a range of libvirt's network that its DHCP leaves alone: it may give any other address to a machine",
            suggestion: "192.168.121.240-192.168.121.250",
        });
    }
}

/** Each job's addresses, which must be right by themselves and nobody else's. */
function checkJobs(
    jobs: readonly Job[],
    pool: AddressPool | undefined,
    services: AddressPool | undefined,
    report: ReturnType<typeof jobReport>,
): void {
    const holders = new Map<string, string>();
    for (const [index, job] of jobs.entries()) {
        for (const field of ["clusterIP", "loadBalancerIP"] as const) {
            const address = "type" in job ? job[field] : undefined;
            if (address === undefined) {
                continue;
            }
            const holder = holders.get(address);
            const problem =
                (field === "clusterIP"
                    ? clusterAddressProblem(address, services)
                    : balancerAddressProblem(address, job, pool)) ??
                (holder === undefined
                    ? undefined
                    : { wrong: `is the address of ${holder} too`, right: "an address of its own, or none" });
            if (problem !== undefined) {
                report(index, field, address, problem);
            }
            holders.set(address, holder ?? job.name);
        }
    }
}

function asPool(address: string): AddressPool {
    // Its own check was before: it is an address.
    const number = parseAddress(address) as number;
    return { first: number, last: number };
}

function clusterAddressProblem(address: string, services: AddressPool | undefined): FieldProblem | undefined {
    if (services === undefined) {
        return undefined;
    }
    const { first, last } = services;
    const own = asPool(address);
    const mend = { right: "a free address of serviceRange, or none", example: addressText(last - 1) };
    if (!contains(services, own)) {
        return { wrong: "is not in serviceRange", ...mend };
    }
    const taken = [first, ...kubernetesOwn.map((offset) => first + offset), last].includes(own.first);
    return taken ? { wrong: "is not free: Kubernetes has it itself", ...mend } : undefined;
}

function balancerAddressProblem(address: string, job: Job, pool: AddressPool | undefined): FieldProblem | undefined {
    if (!isBalanced(job)) {
        const right = "type LoadBalancer, or this field removed";
        return { wrong: "is set, but type is ClusterIP", right, example: "LoadBalancer", mends: "type" };
    }
    return pool === undefined || contains(pool, asPool(address))
        ? undefined
        : {
              wrong: "is not in addressPool",
              right: "an address of addressPool, or none",
              example: addressText(pool.first),
          };
}
