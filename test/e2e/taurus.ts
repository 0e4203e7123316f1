import assert from "node:assert/strict";

import { KubernetesObject, Pod } from "./kubernetes-objects";
import { StackUnderTest } from "./stack-under-test";
import { eventually, waveWithSpike } from "./taurus-client";
import { canConnect } from "./workspace";

/** The support services and Taurus: names, data, secrets, order, and a metric that is scored. */
export function taurus(stack: StackUnderTest): void {
    /** Number of a model's items in DynamoDB; undefined while there are none. */
    async function dynamodbItems(uid: string): Promise<number | undefined> {
        const query = JSON.stringify({
            TableName: "taurus.metric_data.local",
            Select: "COUNT",
            KeyConditionExpression: "uid = :uid",
            ExpressionAttributeValues: { ":uid": { S: uid } },
        });
        // DynamoDB Local wants a signature's form only.
        const authorization =
            "AWS4-HMAC-SHA256 Credential=test/20000101/us-west-2/dynamodb/aws4_request, SignedHeaders=host, Signature=0";
        const answer = await stack.output(
            "kubectl -n taurus exec dynamodb-0 -- curl --silent --fail-with-body http://127.0.0.1:8300/ " +
                `-H 'Content-Type: application/x-amz-json-1.0' -H 'X-Amz-Target: DynamoDB_20120810.Query' ` +
                `-H 'Authorization: ${authorization}' -d '${query}'`,
        );
        return (JSON.parse(answer) as { Count: number }).Count || undefined;
    }

    describe("support and Taurus", () => {
        it("offers the Services by the names of the original", async () => {
            const services = new Map(
                (await stack.objects<KubernetesObject>("services -n taurus")).map((service) => [
                    service.metadata.name,
                    (service.spec.ports as { port: number }[]).map(({ port }) => port),
                ]),
            );
            assert.ok(services.get("mysql")?.includes(3306));
            assert.ok([5672, 15672].every((port) => services.get("rabbit")?.includes(port)));
            assert.ok(services.get("dynamodb")?.includes(8300));
            assert.ok([443, 9001].every((port) => services.get("taurus")?.includes(port)));
        });

        it("keeps data on persistent volumes of the node", async () => {
            const claims = await stack.objects<KubernetesObject>("persistentvolumeclaims -n taurus");
            assert.ok(claims.length >= 4);
            for (const claim of claims) {
                assert.equal(claim.status.phase, "Bound", claim.metadata.name);
            }
        });

        it("enforces Pod Security: baseline, and restricted for support", async () => {
            const labels = JSON.parse(await stack.output("kubectl get namespace taurus -o json")) as KubernetesObject;
            assert.equal(labels.metadata.labels?.["pod-security.kubernetes.io/enforce"], "baseline");
            const warned = await stack.shell(
                "kubectl label --dry-run=server --overwrite namespace taurus pod-security.kubernetes.io/enforce=restricted",
            );
            for (const name of ["mysql", "rabbit", "dynamodb"]) {
                assert.doesNotMatch(warned.stderr, new RegExp(`^.*${name}-0.*:`, "m"));
            }
        });

        it("hands passwords out through Secrets only, and keeps none in plain text in the state", async () => {
            const pods = await stack.objects<Pod>("pods -n taurus");
            const password = await stack.secretOutput("mysqlPassword");
            const apiKey = await stack.secretOutput("apiKey");
            assert.ok(password.length >= 16 && apiKey.length >= 5);
            assert.ok(!JSON.stringify(pods).includes(password) && !JSON.stringify(pods).includes(apiKey));
            const state = await stack.output("pulumi stack export", { timeout: 60 });
            assert.ok(!state.includes(password) && !state.includes(apiKey) && !state.includes("PRIVATE KEY"));
        });

        it("started the schema after the databases and the server after the schema", async () => {
            const state = JSON.parse(await stack.output("pulumi stack export")) as {
                deployment: {
                    resources: {
                        urn: string;
                        type: string;
                        created?: string;
                        inputs?: { metadata?: { name?: string } };
                    }[];
                };
            };
            const order = state.deployment.resources.map(
                (resource) => `${resource.type}::${resource.inputs?.metadata?.name ?? ""}`,
            );
            const at = (entry: string) => {
                const index = order.findIndex((candidate) => candidate.endsWith(entry));
                assert.ok(index >= 0, `${entry} is not among\n${order.join("\n")}`);
                return index;
            };
            const schema = order.findIndex((entry) => entry.startsWith("kubernetes:batch/v1:Job::"));
            for (const name of ["StatefulSet::mysql", "StatefulSet::rabbit", "StatefulSet::dynamodb"]) {
                assert.ok(at(name) < schema, `${name} stands after the schema`);
            }
            assert.ok(schema < at("ReplicationController::taurus-server"));
        });

        it("answers on 443 and 9001 from the host", async () => {
            const { status } = await (await stack.taurus()).request("GET", "/_models");
            assert.equal(status, 200);
            assert.ok(await canConnect(stack.ports.supervisor));
        });
    });

    describe("a metric", () => {
        const metric = "e2e.wave";
        let uid: string;

        it("sent from the host is scored above 0.99 at its spike", async () => {
            const taurus = await stack.taurus();
            const samples = waveWithSpike(700, Math.floor(Date.now() / 1000));
            await taurus.sendSamples(metric, samples.slice(0, 20));
            await eventually("the metric is known", 60, async () =>
                (await taurus.customMetrics()).includes(metric) ? true : undefined,
            );
            uid = await taurus.createModel(metric, { min: 0, max: 400 });
            await taurus.sendSamples(metric, samples.slice(20));
            const spike = await eventually("the spike is scored", 240, async () =>
                (await taurus.records(uid)).find((record) => record.value === 390 && record.anomalyScore > 0.99),
            );
            stack.figures.push(`anomaly score at the spike: ${spike.anomalyScore}`);
            const ordinary = (await taurus.records(uid)).filter((record) => record.value !== 390).slice(0, 100);
            assert.ok(
                ordinary.every((record) => record.anomalyScore < 0.99),
                "ordinary samples score like the spike",
            );
        });

        it("has its rows in MySQL and its items in DynamoDB", async () => {
            const rows = await stack.sql(
                `SELECT COUNT(*), MAX(anomaly_score) FROM taurus.metric_data WHERE uid='${uid}'`,
            );
            const [count, highest] = rows.split(/\s+/).map(Number);
            assert.equal(count, 700);
            assert.ok(highest > 0.99);
            const items = await eventually("the items are in DynamoDB", 60, () => dynamodbItems(uid));
            assert.ok(items > 0);
            stack.figures.push(`rows in MySQL: ${count}, items in DynamoDB: ${items}`);
        });
    });
}
