// Package participant is the contract of the participant service: the OpenAPI
// document, the types and the strict server generated from it, and a small
// client for the service's neighbours.
package participant

import _ "embed"

//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2 --config=oapi.yaml openapi.yaml
//go:generate go run ../compilecontract

// Spec is the service's own OpenAPI 3.0.3 document, as YAML.
//
//go:embed openapi.yaml
var Spec []byte

// Contract is what package contract checks requests against, made of Spec.
//
//go:embed contract.json
var Contract []byte
