module github.com/finsam/finsam/services/participant

go 1.26.0

require (
	github.com/finsam/finsam/pkg v0.0.0
	github.com/google/uuid v1.6.0
	pgregory.net/rapid v1.3.0
)

require go.yaml.in/yaml/v3 v3.0.6 // indirect

replace github.com/finsam/finsam/pkg => ../../pkg
