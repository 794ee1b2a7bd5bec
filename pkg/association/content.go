package association

import "github.com/finsam/finsam/pkg/civil"

// Members are the name of an association and those who own it.
type Members struct {
	Name           string         `json:"name" yaml:"name"`
	Municipalities []Municipality `json:"municipalities" yaml:"municipalities"`
	Authorities    []Authority    `json:"authorities,omitempty" yaml:"authorities,omitempty"`
}

// Agreement is that a municipality performs an initiative.
type Agreement struct {
	Municipality string     `json:"municipality" yaml:"municipality"` // code
	From         civil.Date `json:"from" yaml:"from"`
	Until        civil.Date `json:"until,omitempty" yaml:"until,omitempty"`         // last day; empty: it goes on
	Reference    string     `json:"reference,omitempty" yaml:"reference,omitempty"` // of the decision
}

// Rule is what every participant's week must have, such as an organised physical activity
// once a week.
type Rule struct {
	ID       string `json:"id" yaml:"id"` // as in reports
	Category string `json:"category" yaml:"category"`
	Times    int    `json:"times" yaml:"times"`                            // a week, at least
	FromWeek int    `json:"fromWeek,omitempty" yaml:"fromWeek,omitempty"`  // of the enrolment, from 1; zero: from the first
	Blocks   []int  `json:"blocks,omitempty" yaml:"blocks,omitempty,flow"` // none: all
	SV       string `json:"sv,omitempty" yaml:"sv,omitempty"`              // the rule as people read it
	EN       string `json:"en,omitempty" yaml:"en,omitempty"`
}

// ConsentText is what a person signs, in one language.
type ConsentText struct {
	Version  string `json:"version" yaml:"version"`   // such as "2026-1"
	Language string `json:"language" yaml:"language"` // BCP 47, such as "sv"
	Title    string `json:"title" yaml:"title"`
	Text     string `json:"text" yaml:"text"` // paragraphs are separated by an empty line
}

// CodeList is the association's own words for the codes of one list of the contract.
type CodeList struct {
	ID    string     `json:"id" yaml:"id"` // the list's name
	Codes []CodeWord `json:"codes" yaml:"codes"`
}

// CodeWord is the word for one code in both languages.
type CodeWord struct {
	ID string `json:"id" yaml:"id"`
	SV string `json:"sv" yaml:"sv"`
	EN string `json:"en" yaml:"en"`
}

// Site is a place where people meet or work.
type Site struct {
	ID           string   `json:"id,omitempty" yaml:"id"`          // a word, of its municipality's own
	Municipality string   `json:"municipality,omitempty" yaml:"-"` // code
	Name         string   `json:"name" yaml:"name"`
	Address      string   `json:"address,omitempty" yaml:"address,omitempty"`
	WorkTraining bool     `json:"workTraining,omitempty" yaml:"workTraining,omitempty"` // takes participants for work training
	Areas        []string `json:"areas,omitempty" yaml:"areas,omitempty,flow"`          // of work training, such as "carpentry"
}

// ClosedPeriod is a span of days on which nothing takes place.
type ClosedPeriod struct {
	From  civil.Date `json:"from" yaml:"from"`
	Until civil.Date `json:"until" yaml:"until"` // last day
	SV    string     `json:"sv" yaml:"sv"`       // why, such as "Sommarstängt"
	EN    string     `json:"en" yaml:"en"`
}
