import * as assert from "node:assert/strict";

import { givesAddresses, parseSettings, SettingsError, type Settings } from "../../components/settings";

const context = { project: "nta", readFile: () => "" };
const existing = { "nta:cluster": "existing", "nta:kubeContext": "lab", "nta:registry": "r.io" };
const web = { kind: "service", name: "web", image: "htmengine", ports: [{ port: 80 }] };
const other = { ...web, name: "other" };
const balanced = { ...web, type: "LoadBalancer" };
const pool = { "nta:addressPool": "172.18.255.205-172.18.255.254" };

const parse = (jobs: readonly object[], config: Record<string, string> = {}): Settings =>
    parseSettings({ "nta:jobs": JSON.stringify(jobs), ...config }, [], context);

/** Key, what is wrong, and the mending command of each problem. */
function problemsOf(jobs: readonly object[], config: Record<string, string> = {}): string[] {
    try {
        parse(jobs, config);
    } catch (error) {
        assert.ok(error instanceof SettingsError, String(error));
        return error.problems.map(({ key, wrong, mend }) => `${key} ${wrong}: ${mend}`);
    }
    return [];
}

describe("settings: addresses", () => {
    it("are the cluster's own as long as nobody asks for more", () => {
        const [job] = parse([web]).jobs;
        assert.deepEqual("type" in job && [job.type, job.clusterIP, job.loadBalancerIP], [
            "ClusterIP",
            undefined,
            undefined,
        ]);
    });

    it("come from this program when a job wants one of its machines' network, or there is a pool", () => {
        const given: [boolean, object[], Record<string, string>][] = [
            [false, [], {}],
            [false, [web], {}],
            [true, [balanced], {}],
            [true, [{ kind: "static-files", name: "docs", folder: "docs", type: "LoadBalancer" }], {}],
            [true, [], pool],
            [false, [balanced], existing],
            [true, [], { ...existing, ...pool }],
        ];
        for (const [expected, jobs, config] of given) {
            assert.equal(givesAddresses(parse(jobs, config)), expected, JSON.stringify([jobs, config]));
        }
    });

    it("may be asked for by job", () => {
        const jobs = [
            { ...balanced, loadBalancerIP: "172.18.255.205", clusterIP: "10.100.200.1" },
            { ...balanced, name: "other", loadBalancerIP: "172.18.255.254", clusterIP: "10.100.0.11" },
        ];
        assert.deepEqual(problemsOf(jobs, pool), []);
        // What another's load balancer may give is not known here.
        const elsewhere = [{ ...balanced, loadBalancerIP: "203.0.113.9", clusterIP: "172.20.0.9" }];
        assert.deepEqual(problemsOf(elsewhere, existing), []);
    });

    it("with a pool that is none are refused", () => {
        for (const wrong of [
            "172.18.255.0/24",
            "172.18.255.9",
            "172.18.255.9-172.18.255.8",
            "10.0.0.1-10.0.0.256",
            "a-b",
        ]) {
            assert.deepEqual(problemsOf([], { "nta:addressPool": wrong }), [
                "nta:addressPool is no range from one IPv4 address to a higher one: " +
                    "pulumi config set addressPool 172.18.255.205-172.18.255.254",
            ]);
        }
    });

    it("with a pool inside the cluster's ranges are refused", () => {
        assert.deepEqual(
            problemsOf([], { "nta:addressPool": "10.100.255.250-10.244.0.1" }).map((text) =>
                text.split(":", 2).join(":"),
            ),
            ["nta:addressPool has addresses of podRange in it", "nta:addressPool has addresses of serviceRange in it"],
        );
        assert.deepEqual(problemsOf([], { ...existing, "nta:addressPool": "10.100.255.250-10.100.255.254" }), []);
    });

    it("with a pool that is too small are refused", () => {
        const problems = problemsOf([balanced, { ...balanced, name: "other" }], {
            "nta:addressPool": "172.18.255.205-172.18.255.205",
        });
        assert.equal(problems.length, 1);
        assert.match(problems[0], /^nta:addressPool has fewer addresses than the 2 jobs that want one: /);
    });

    const wrongJobs: [what: string, jobs: object[], expected: string][] = [
        [
            "outside of the pool",
            [{ ...balanced, loadBalancerIP: "172.18.255.204" }],
            "nta:jobs[0].loadBalancerIP is not in addressPool: " +
                "pulumi config set --path 'jobs[0].loadBalancerIP' 172.18.255.205",
        ],
        [
            "without the type for it",
            [{ ...web, loadBalancerIP: "172.18.255.205" }],
            "nta:jobs[0].loadBalancerIP is set, but type is ClusterIP: " +
                "pulumi config set --path 'jobs[0].type' LoadBalancer",
        ],
        [
            "of two jobs",
            [
                { ...balanced, loadBalancerIP: "172.18.255.205" },
                { ...other, type: "LoadBalancer", loadBalancerIP: "172.18.255.205" },
            ],
            "nta:jobs[1].loadBalancerIP is the address of web too: pulumi config rm --path 'jobs[1].loadBalancerIP'",
        ],
        [
            "of two jobs in the cluster",
            [
                { ...web, clusterIP: "10.100.9.9" },
                { ...other, clusterIP: "10.100.9.9" },
            ],
            "nta:jobs[1].clusterIP is the address of web too: pulumi config rm --path 'jobs[1].clusterIP'",
        ],
        [
            "outside of the cluster",
            [{ ...web, clusterIP: "10.101.0.1" }],
            "nta:jobs[0].clusterIP is not in serviceRange: pulumi config set --path 'jobs[0].clusterIP' 10.100.255.254",
        ],
        [
            "of the cluster's DNS",
            [{ ...web, clusterIP: "10.100.0.10" }],
            "nta:jobs[0].clusterIP is not free: Kubernetes has it itself: " +
                "pulumi config set --path 'jobs[0].clusterIP' 10.100.255.254",
        ],
    ];
    for (const [what, jobs, expected] of wrongJobs) {
        it(`${what} are refused`, () => assert.deepEqual(problemsOf(jobs, pool), [expected]));
    }

    it("of another kind than the two are refused", () => {
        assert.deepEqual(problemsOf([{ ...web, type: "NodePort" }]), [
            "nta:jobs[0].type is not one of the choices: pulumi config set --path 'jobs[0].type' LoadBalancer",
        ]);
    });

    it("need machines with a network whose addresses can be given", () => {
        assert.deepEqual(problemsOf([balanced], { "nta:provider": "libvirt" }), [
            "nta:addressPool is not set, but a job has type LoadBalancer: " +
                "pulumi config set addressPool 192.168.121.240-192.168.121.250",
        ]);
        const chosen = { "nta:provider": "libvirt", "nta:addressPool": "192.168.121.240-192.168.121.250" };
        assert.deepEqual(problemsOf([balanced], chosen), []);
        for (const [jobs, config] of [
            [[balanced], {}],
            [[], pool],
        ] as const) {
            const problems = problemsOf(jobs, { "nta:provider": "virtualbox", ...config });
            assert.equal(problems.length, 1);
            assert.match(problems[0], /^nta:provider has no network between .*: pulumi config set provider docker$/);
        }
        assert.deepEqual(problemsOf([web], { "nta:provider": "virtualbox" }), []);
    });
});
