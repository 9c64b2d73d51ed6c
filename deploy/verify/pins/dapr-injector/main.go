// What Dapr's sidecar injector makes of a pod: a Pod as JSON in, the same with its sidecar out. The injector's own code, with the
// settings of its chart; the injector itself is a webhook that needs the whole control plane.
package main

import (
	"encoding/json"
	"log"
	"os"

	corev1 "k8s.io/api/core/v1"

	"github.com/dapr/dapr/pkg/injector/consts"
	"github.com/dapr/dapr/pkg/injector/patcher"
)

func main() {
	pod := &corev1.Pod{}
	if err := json.NewDecoder(os.Stdin).Decode(pod); err != nil {
		log.Fatal(err)
	}
	sidecar := patcher.NewSidecarConfig(pod)
	sidecar.Mode = consts.ModeKubernetes
	sidecar.Namespace = pod.Namespace
	sidecar.MTLSEnabled = true
	sidecar.RunAsNonRoot = true
	sidecar.ReadOnlyRootFilesystem = true
	sidecar.SidecarDropALLCapabilities = os.Getenv("SIDECAR_DROP_ALL_CAPABILITIES") == "true"
	sidecar.SidecarImage = "ghcr.io/dapr/daprd:1.16.0"
	sidecar.SetFromPodAnnotations()
	patch, err := sidecar.GetPatch()
	if err != nil {
		log.Fatal(err)
	}
	patched, err := patcher.PatchPod(pod, patch)
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(patched); err != nil {
		log.Fatal(err)
	}
}
