// Package types has the types of package servicediscovery that the exporter names.
package types

// HealthStatusFilter says which instances are asked for.
type HealthStatusFilter string

// HealthStatusFilterHealthy asks for the healthy ones.
const HealthStatusFilterHealthy HealthStatusFilter = "HEALTHY"

// HttpInstanceSummary is one instance.
type HttpInstanceSummary struct {
	Attributes map[string]string
}
