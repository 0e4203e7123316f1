/** Entry point of the plugin `pulumi-resource-kubernetes`. */
import { serve } from "../protocol/serve";
import { KubernetesProvider } from "./provider";

void serve(new KubernetesProvider());
