/** The label of a namespace that says which stack it belongs to. */
export const ownerLabel = "app.kubernetes.io/instance";
