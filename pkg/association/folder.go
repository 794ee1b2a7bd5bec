package association

// ReadFolder reads the .yaml and .yml files of a folder, by name.
func ReadFolder(dir string) (map[string][]byte, error) { return readTexts(dir) }

// Places returns where files are invalid, and nothing of their content; see Registry.Follow.
func Places(err error) []string { return places(err) }
