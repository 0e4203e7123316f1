/**
 * Measures `npm run status` against `kubectl get` of the same objects on the stack that is up (`npm run bench:status`):
 * medians of runs that alternate, so that a busy machine slows both.
 */
import * as path from "node:path";

import { median, seconds } from "./measure";

const root = path.resolve(__dirname, "..");
const rounds = 9;
const kubectl = "kubectl get nodes,pods,services,jobs,cronjobs,persistentvolumeclaims --all-namespaces --output json";
const status = "node tools/bootstrap.mjs status";

const [theirs, ours]: [number[], number[]] = [[], []];
for (let round = 0; round < rounds; round++) {
    theirs.push(seconds(kubectl, root, process.env));
    ours.push(seconds(status, root, process.env));
}
const [a, b] = [median(ours), median(theirs)];
console.log(`| status, s | kubectl get, s | difference, s |\n| --- | --- | --- |`);
console.log(`| ${a.toFixed(2)} | ${b.toFixed(2)} | ${(a - b).toFixed(2)} |`);
