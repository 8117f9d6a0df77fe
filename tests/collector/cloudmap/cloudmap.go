// Package servicediscovery stands for the AWS client of that name, which the load-balancing
// exporter needs to compile. It finds nothing: our configurations list their gateways.
package servicediscovery

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"
)

// Client answers every request with an error.
type Client struct{}

// NewFromConfig ignores the configuration.
func NewFromConfig(any) *Client { return &Client{} }

// DiscoverInstancesInput has the fields that the exporter sets.
type DiscoverInstancesInput struct {
	NamespaceName, ServiceName, OwnerAccount *string
	HealthStatus                             types.HealthStatusFilter
	MaxResults                               *int32
	OptionalParameters, QueryParameters      map[string]string
}

// DiscoverInstancesOutput has the field that the exporter reads.
type DiscoverInstancesOutput struct {
	Instances []types.HttpInstanceSummary
}

// DiscoverInstances fails.
func (*Client) DiscoverInstances(context.Context, *DiscoverInstancesInput) (*DiscoverInstancesOutput, error) {
	return nil, errors.New("this build cannot ask AWS Cloud Map")
}
