// Package participant is the vault and the path: who a person is, which consent
// holds, and how the person's way through an initiative goes.
//
// Two nouns stand here, Person and Enrolment. Both are a list of steps, and
// whatever else is told about them follows from the steps by pure functions. The
// verbs are methods of Service: load, ask package access, ask the noun, save.
package participant
