export * from "../../tools/preview-diff/mock-engine";
