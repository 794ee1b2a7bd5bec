package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// maxMessage bounds the body of a webhook, in bytes.
const maxMessage = 1 << 20

func webhookCommand() *cobra.Command {
	var secretFile, headers, body string
	var anyTime bool
	verify := &cobra.Command{
		Use: "verify", Short: "Verify that a webhook comes from finsam", Args: cobra.NoArgs,
		Long: "Verify that a webhook was signed with the secret, following Standard Webhooks. The headers are one on each line; the body must be\n" +
			"exactly as received, byte by byte. Exit code 0: the signature is valid, 3: it is not, 1: it could not be verified.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			secret, err := os.ReadFile(secretFile)
			if err != nil {
				return fmt.Errorf("--secret-file: %w", err)
			}
			head, err := os.ReadFile(headers)
			if err != nil {
				return fmt.Errorf("--headers: %w", err)
			}
			message, err := readBody(body, cmd.InOrStdin())
			if err != nil {
				return err
			}
			why, err := verifies(string(secret), head, message, anyTime)
			if err != nil {
				return err
			}
			if why != "" {
				fmt.Fprintln(cmd.OutOrStdout(), "not valid:", why)
				return errNotAll
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "valid")
			return err
		},
	}
	f := verify.Flags()
	f.StringVar(&secretFile, "secret-file", "", "file with the secret, whsec_…")
	f.StringVar(&headers, "headers", "", "file with the headers, \"name: value\" on each line")
	f.StringVar(&body, "body", "-", "file with the body; - for standard input")
	f.BoolVar(&anyTime, "any-time", false, "do not compare the message's time with the clock (five minutes)")
	for _, name := range []string{"secret-file", "headers"} {
		_ = verify.MarkFlagRequired(name)
	}
	cmd := &cobra.Command{Use: "webhook", Short: "Webhooks of finsam"}
	cmd.AddCommand(verify)
	return cmd
}

func readBody(path string, in io.Reader) ([]byte, error) {
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxMessage+1))
	if err == nil && len(b) > maxMessage {
		err = errors.New("the body is larger than 1 MiB")
	}
	return b, err
}

// verifies compares a message with the secret; why is empty when it is valid. head is
// lines of "name: value"; others are ignored.
func verifies(secret string, head, body []byte, anyTime bool) (why string, err error) {
	secret = strings.TrimSpace(secret)
	w, err := standardwebhooks.NewWebhook(secret)
	if err != nil || !strings.HasPrefix(secret, "whsec_") || len(secret) < len("whsec_")+32 {
		return "", errors.New("--secret-file does not contain a secret such as whsec_…")
	}
	check := w.Verify
	if anyTime {
		check = w.VerifyIgnoringTimestamp
	}
	header := http.Header{}
	for line := range strings.Lines(string(head)) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			header.Set(strings.TrimSpace(name), strings.TrimSpace(value))
		}
	}
	err = check(body, header)
	for cause, text := range map[error]string{
		standardwebhooks.ErrRequiredHeaders: "webhook-id, webhook-timestamp or webhook-signature is missing",
		standardwebhooks.ErrMessageTooOld:   "the message is older than five minutes",
		standardwebhooks.ErrMessageTooNew:   "the message is dated in the future",
	} {
		if errors.Is(err, cause) {
			return text, nil
		}
	}
	if err != nil {
		return "no signature matches the secret and this body", nil
	}
	return "", nil
}
