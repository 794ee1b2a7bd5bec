package association

// file is the shape of the YAML file; the exported types are what it means.
type file struct {
	Association struct {
		ID   string `yaml:"id"`
		Name string `yaml:"name"`
	} `yaml:"association"`
	Municipalities []struct {
		Code      string `yaml:"code"`
		Name      string `yaml:"name"`
		Authority string `yaml:"authority"`
	} `yaml:"municipalities"`
	Initiative fileInitiative `yaml:"initiative"`
	Weeks      []fileWeek     `yaml:"weeks"`
	Terms      Terms          `yaml:"terms"`
}

type fileInitiative struct {
	ID          string      `yaml:"id"`
	Name        string      `yaml:"name"`
	Orientation string      `yaml:"orientation"`
	MaxWeeks    int         `yaml:"maxWeeks"`
	Ages        []int       `yaml:"ages"`
	TargetGroup TargetGroup `yaml:"targetGroup"`
	RightTime   []Question  `yaml:"rightTime"`
	Blocks      []fileBlock `yaml:"blocks"`
}

type fileBlock struct {
	Number  int      `yaml:"number"`
	Name    string   `yaml:"name"`
	Weeks   int      `yaml:"weeks"`
	CheckIn bool     `yaml:"checkIn"`
	Closing bool     `yaml:"closing"`
	Content []string `yaml:"content"`
}

type fileWeek struct {
	Municipality string         `yaml:"municipality"`
	Activities   []fileActivity `yaml:"activities"`
	WorkTraining []struct {
		Site  string   `yaml:"site"`
		Areas []string `yaml:"areas"`
	} `yaml:"workTraining"`
}

type fileActivity struct {
	Name        string   `yaml:"name"`
	Category    string   `yaml:"category"`
	Day         string   `yaml:"day"`
	From        string   `yaml:"from"`
	To          string   `yaml:"to"`
	Part        string   `yaml:"part"`
	Mode        string   `yaml:"mode"`
	Place       string   `yaml:"place"`
	Places      []string `yaml:"places"`
	Gather      string   `yaml:"gather"`
	Individual  bool     `yaml:"individual"`
	Rotating    bool     `yaml:"rotating"`
	ClosedGroup *struct {
		Sessions int `yaml:"sessions"`
	} `yaml:"closedGroup"`
}
