import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import { layOutSite } from "../../components/workloads/static-files/site-image";
import { siteController, siteService } from "../../components/workloads/static-files/static-files";
import { publish, publishedFiles } from "../../components/workloads/static-files/versions";
import { restrictedContainer, restrictedPod } from "./restricted-standard";

describe("workloads: static files", () => {
    let root: string;
    let folder: string;
    let store: string;
    const write = (file: string, text: string) => {
        fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
        fs.writeFileSync(path.join(folder, file), text);
    };

    beforeEach(() => {
        root = fs.mkdtempSync(path.join(os.tmpdir(), "nta-static-"));
        folder = path.join(root, "site");
        store = path.join(root, "store");
        write("index.html", "one");
        write("external/a.js", "a");
        write(".env", "secret");
        write(".git/config", "secret");
    });

    afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

    it("are all files but those with a dot", () => {
        assert.deepEqual(publishedFiles(folder), ["external/a.js", "index.html"]);
        fs.symlinkSync("/etc/passwd", path.join(folder, "users"));
        assert.throws(() => publishedFiles(folder), /site\/users can't be published/);
    });

    it("have a version that follows from what is in them", () => {
        const { version } = publish(folder, store, 3, true);
        assert.match(version, /^[0-9a-f]{12}$/);
        assert.equal(publish(folder, store, 3, true).version, version);
        write(".env", "another");
        assert.equal(publish(folder, store, 3, true).version, version);
        fs.renameSync(path.join(folder, "index.html"), path.join(folder, "index.htm"));
        assert.notEqual(publish(folder, store, 3, true).version, version);
    });

    it("keep earlier versions, the latest first, and forget what was only looked at", () => {
        const publishAs = (text: string, forGood = true) => {
            write("index.html", text);
            return publish(folder, store, 2, forGood);
        };
        const [one, two] = [publishAs("one").version, publishAs("two").version];
        assert.deepEqual(Object.keys(publishAs("looked at", false).folders).slice(1), [two, one]);
        const three = publishAs("three");
        assert.deepEqual(Object.keys(three.folders), [three.version, two, one]);
        assert.equal(fs.readFileSync(path.join(three.folders[one], "index.html"), "utf8"), "one");
        const four = publishAs("four");
        assert.deepEqual(Object.keys(four.folders), [four.version, three.version, two]);
        assert.deepEqual(Object.keys(publishAs("two").folders), [two, four.version, three.version]);
        assert.deepEqual(fs.readdirSync(store).sort(), [two, three.version, four.version, "history.json"].sort());
    });

    it("become an image with each version in a folder of its own", () => {
        const first = publish(folder, store, 3, true);
        write("index.html", "two");
        const publication = publish(folder, store, 3, true);
        const context = path.join(root, "context");
        layOutSite(context, publication);
        assert.equal(
            fs.readFileSync(path.join(context, "current.conf"), "utf8"),
            `map "" $current {\n    default ${publication.version};\n}\n`,
        );
        assert.deepEqual(
            fs.readdirSync(path.join(context, "versions")).sort(),
            [`@${first.version}`, `@${publication.version}`].sort(),
        );
        // Also what an application's context leaves out.
        assert.equal(
            fs.readFileSync(path.join(context, "versions", `@${first.version}`, "external/a.js"), "utf8"),
            "a",
        );
    });

    const args = {
        workloadName: "docs",
        namespace: "taurus",
        resources: { cpu: "50m", memory: "64Mi" },
        replicas: 2,
        port: 80,
        type: "ClusterIP" as const,
        clusterIP: "10.100.200.2",
    };
    const labels = {
        "app.kubernetes.io/name": "docs",
        "app.kubernetes.io/part-of": "taurus",
        "app.kubernetes.io/component": "static-files",
    };
    const version = { "app.kubernetes.io/version": "0123456789ab" };

    it("are served by a ReplicationController for each version, with a root that can't be written", () => {
        const asked = { httpGet: { path: "/@ready", port: 8080 }, timeoutSeconds: 5 };
        assert.deepEqual(siteController(args, { image: "registry/docs@sha256:1", version: "0123456789ab" }), {
            metadata: { namespace: "taurus", labels: { ...labels, ...version } },
            spec: {
                replicas: 2,
                selector: { ...labels, ...version },
                template: {
                    metadata: { labels: { ...labels, ...version } },
                    spec: {
                        automountServiceAccountToken: false,
                        enableServiceLinks: false,
                        securityContext: restrictedPod,
                        containers: [
                            {
                                name: "docs",
                                image: "registry/docs@sha256:1",
                                env: [],
                                ports: [{ name: "http", containerPort: 8080 }],
                                resources: { requests: { cpu: "50m", memory: "64Mi" }, limits: { memory: "64Mi" } },
                                securityContext: { ...restrictedContainer, readOnlyRootFilesystem: true },
                                startupProbe: { ...asked, periodSeconds: 1, failureThreshold: 60 },
                                readinessProbe: { ...asked, periodSeconds: 5 },
                                livenessProbe: { ...asked, periodSeconds: 10, failureThreshold: 6 },
                                lifecycle: { preStop: { sleep: { seconds: 5 } } },
                                volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
                            },
                        ],
                        volumes: [{ name: "tmp", emptyDir: { medium: "Memory", sizeLimit: "16Mi" } }],
                    },
                },
            },
        });
    });

    it("have a Service that means exactly one version", () => {
        assert.deepEqual(siteService(args, "0123456789ab"), {
            metadata: {
                name: "docs",
                namespace: "taurus",
                labels,
                annotations: { "pulumi.com/skipAwait": "true" },
            },
            spec: {
                type: "ClusterIP",
                clusterIP: "10.100.200.2",
                selector: { ...labels, ...version },
                ports: [{ name: "http", port: 80, targetPort: "http" }],
            },
        });
    });
});
