import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";

import { RegistryServer } from "../integration/registry-server";
import { KubernetesObject, Pod } from "./kubernetes-objects";
import { mostAtOnce, spansOf, wholeSpan } from "./spans";
import { docker, listed, StackUnderTest } from "./stack-under-test";
import { eventually } from "./taurus-client";

/** What `pulumi preview` says of what follows the registry: images, and the pods that run them. */
const followers = {
    "images-debian-bullseye": "update",
    "images-debian-bookworm": "update",
    "images-debian-bullseye-image": "update",
    "images-debian-bookworm-image": "update",
    "images-nta.utils": "update",
    "images-htmengine": "update",
    "images-taurus.metric_collectors": "update",
    "images-taurus": "update",
    "images-taurus-dynamodb": "update",
    "images-mysql": "update",
    "images-rabbitmq": "update",
    "support-mysql-server-pods": "update",
    "support-rabbitmq-server-pods": "update",
    "support-dynamodb-server-pods": "update",
    "taurus-schema-job": "replace",
    "taurus-server-pods": "replace",
    "taurus-collectors-pods": "replace",
};

/** What another registry brings: Docker and the nodes are told of it, and pods get its login. */
const companions = [
    "registry",
    "registry-docker-trust",
    "cluster-registry",
    "pull-secret",
    "pull-secret-secret",
    "pull-secret-account",
];

const each = (op: string) => Object.fromEntries(companions.map((name) => [name, op]));

/**
 * Another registry on a stack that is up, another password, and the way back: images, pull secret and pods
 * follow the settings; machine and data stay. Needs the metric that `taurus` makes, and a stack without jobs.
 */
export function registryChange(stack: StackUnderTest): void {
    describe("another registry", () => {
        const login = { username: "ada", password: "password-one-5512" };
        const newPassword = "password-two-7734";
        let server: RegistryServer;
        let untouched: Awaited<ReturnType<typeof fingerprint>>;

        before(async () => {
            // This machine's address in the node's network.
            const format = "{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}";
            const address = docker("inspect", "--format", format, stack.node);
            server = new RegistryServer({ address, tls: true, login });
            await server.start();
            fs.writeFileSync(path.join(stack.clone, "registry-ca.pem"), server.ca);
            untouched = await fingerprint();
        });

        after(() => {
            server?.stop();
            const images = `reference=${server?.host}/*/*/*`;
            for (const tag of listed(docker("images", "--filter", images, "--format", "{{.Repository}}:{{.Tag}}"))) {
                docker("rmi", tag);
            }
        });

        /** The machine, what runs in it since when, and the data. */
        async function fingerprint() {
            const { body } = await (await stack.taurus()).request("GET", "/_models");
            const claims = await stack.objects<KubernetesObject>("persistentvolumeclaims -n taurus");
            const since = "--property=Id,MainPID,ActiveEnterTimestampMonotonic";
            return {
                container: docker("inspect", "--format", "{{.Id}} {{.State.StartedAt}}", stack.node),
                programs: docker("exec", stack.node, "systemctl", "show", since, "containerd", "kubelet"),
                claims: claims.map(({ metadata }) => metadata.uid),
                rows: await stack.waveRows(),
                models: (body as { uid: string; name: string }[]).map(({ uid, name }) => `${name} ${uid}`).sort(),
            };
        }

        const config = (...commands: string[]) =>
            stack.output(commands.map((command) => `pulumi config ${command}`).join(" && "));
        const setPassword = (password: string) => config(`set --secret registryPassword '${password}'`);

        /** What a preview says of each resource that does not stay as it is. */
        async function planned(): Promise<Record<string, string>> {
            const text = await stack.output("pulumi preview --json 2>/dev/null", { timeout: 180 });
            const { steps } = JSON.parse(text) as { steps: { op: string; urn: string }[] };
            const changes = steps.filter(({ op }) => op !== "same");
            // A replacement has steps of its own.
            const kind = (op: string) => (/replac/.test(op) ? "replace" : op);
            return Object.fromEntries(changes.map(({ op, urn }) => [urn.split("::").at(-1) ?? urn, kind(op)]));
        }

        async function up(what: string) {
            const command = "pulumi up --yes --skip-preview --color never";
            const result = stack.succeeded(what, await stack.shell(command, { timeout: 900, echo: `${what} |` }));
            const images = spansOf(result.lines, "docker:index");
            const kubernetes = spansOf(result.lines, "kubernetes:");
            for (const [step, spans] of Object.entries({ images, kubernetes })) {
                if (spans.size > 0) {
                    const count = `${spans.size}, up to ${mostAtOnce(spans.values())} at once`;
                    stack.figures.push(`${what}: ${step} ${wholeSpan(spans.values())} (${count})`);
                }
            }
            return { images };
        }

        /** How many templates each StatefulSet has had. */
        async function generations(): Promise<[name: string, generation: number][]> {
            const sets = await stack.objects<KubernetesObject>("statefulsets -n taurus");
            return sets.map(({ metadata }) => [metadata.name, metadata.generation ?? NaN]);
        }

        /** Checks that every pod runs images of a registry. */
        async function podsAreFrom(registry: string): Promise<void> {
            const pods = await stack.objects<Pod>("pods -n taurus");
            assert.ok(pods.length >= 5);
            for (const { metadata, spec } of pods) {
                for (const { image } of [...spec.containers, ...(spec.initContainers ?? [])]) {
                    assert.ok(image.startsWith(`${registry}/`), `${metadata.name} runs ${image}`);
                }
            }
        }

        /** Runs a pod of an image that the node does not have yet; how it ended, or why it can't begin. */
        async function pulled(image: "nta.utils" | "htmengine"): Promise<string> {
            const images = JSON.parse(await stack.output("pulumi stack output images --json")) as Record<
                string,
                string
            >;
            const pod = "-n taurus pod/pull-test";
            await stack.output(
                `kubectl -n taurus run pull-test --image=${images[image]} --restart=Never --command -- true`,
            );
            try {
                return await eventually("the pod has ended, or can't begin", 120, async () => {
                    const template =
                        "{{.status.phase}} {{range .status.containerStatuses}}{{.state.waiting.reason}}{{end}}";
                    const said = await stack.output(`kubectl get ${pod} --template '${template}'`);
                    return /Succeeded|Failed|ErrImagePull|ImagePullBackOff/.exec(said)?.[0];
                });
            } finally {
                await stack.output(`kubectl delete ${pod} --now`);
            }
        }

        /** What Docker on this machine and containerd on the node were told. */
        const trusting = () => ({
            docker: fs.existsSync(`/etc/docker/certs.d/${server.host}/ca.crt`),
            node: docker("exec", stack.node, "ls", "/etc/containerd/certs.d").split("\n").includes(server.host),
        });

        it("is previewed: images, pull secret and pods, not the machine", async () => {
            await config(
                `set registry ${server.host}/team/a`,
                "set registryCa registry-ca.pem",
                `set registryUsername ${login.username}`,
            );
            await setPassword(login.password);
            assert.deepEqual(await planned(), { ...followers, ...each("create") });
        });

        it("is taken by `pulumi up`: every pod runs from it, once rolled, on the machine and the data that were there", async () => {
            const before = await generations();
            const { images } = await up("another registry");
            assert.ok(mostAtOnce(images.values()) > 1, "one image waited for the other");
            await podsAreFrom(`${server.host}/team/a`);
            for (const { metadata, spec } of await stack.objects<Pod>("pods -n taurus")) {
                assert.deepEqual(spec.imagePullSecrets, [{ name: "registry" }], metadata.name);
            }
            assert.deepEqual(
                await generations(),
                before.map(([name, generation]) => [name, generation + 1]),
            );
            assert.deepEqual(trusting(), { docker: true, node: true });
            assert.deepEqual(await fingerprint(), untouched);
            await stack.upChangesNothing("another registry, nothing changed");
        });

        it("with another password changes the pull secret, and pods can pull again", async () => {
            server.setLogin({ ...login, password: newPassword });
            assert.match(await pulled("htmengine"), /ErrImagePull|ImagePullBackOff/);
            await setPassword(newPassword);
            assert.deepEqual(await planned(), { "pull-secret-secret": "replace" });
            await up("another password");
            assert.equal(await pulled("htmengine"), "Succeeded");
            assert.deepEqual(await fingerprint(), untouched);
        });

        it("is left again for the cluster's own, even when it is gone", async () => {
            server.stop();
            await config(
                ...["registry", "registryUsername", "registryPassword", "registryCa"].map((name) => `rm ${name}`),
            );
            assert.deepEqual(await planned(), { ...followers, ...each("delete") });
            await up("back to the cluster's own registry");
            await podsAreFrom(`localhost:${stack.ports.registry}`);
            assert.equal(await stack.output("kubectl -n taurus get secret registry --ignore-not-found"), "");
            const account = "kubectl -n taurus get serviceaccount default --output jsonpath={.imagePullSecrets}";
            assert.equal(await stack.output(account), "");
            assert.deepEqual(trusting(), { docker: false, node: false });
            assert.deepEqual(await fingerprint(), untouched);
            await stack.upChangesNothing("back to the cluster's own registry, nothing changed");
        });
    });
}
