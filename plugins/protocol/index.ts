/** The scaffold of our stand-in Pulumi plugins: Pulumi's provider protocol with typed values and life cycles. */
export * from "./child-process";
export * from "./differences";
export * from "./engine-log";
export * from "./errors";
export * from "./properties";
export * from "./provider";
export * from "./serve";
