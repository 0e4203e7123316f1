import { z } from "zod";

import { batchJob } from "./batch";
import { ciBuild } from "./ci-build";
import { cronJob } from "./cron";
import { parallelJob } from "./parallel";
import { service } from "./service";
import { staticFiles } from "./static-files";

/** The kinds of jobs, in the order of the documentation: each a file of this folder. */
export const jobKinds = [batchJob, cronJob, parallelJob, service, staticFiles, ciBuild] as const;

/** One entry of the setting `jobs`. */
export const job = z.discriminatedUnion("kind", jobKinds, { error: "is no kind of job" });

/** A declared workload, checked, with defaults filled in. */
export type Job = z.output<typeof job>;
