// Package storemongo proves the mongo engine: the suite of pkg/store/storetest
// against a wire server in this process at every run, and against the server
// that FINSAM_TEST_MONGO_URI names when it is set, with nothing left out.
package storemongo
