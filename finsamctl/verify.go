package main

import (
	"bufio"
	"bytes"
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
		Use: "verify", Short: "Tell whether a webhook comes from finsam", Args: cobra.NoArgs,
		Long: "Tell whether a webhook was signed with the secret, as Standard Webhooks has it. The headers stand one on a line; the body is taken\n" +
			"byte by byte as it came. Exit code 0: the signature is valid, 3: it is not, 1: it could not be told.",
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
	f.BoolVar(&anyTime, "any-time", false, "do not hold the message against the clock (five minutes)")
	for _, name := range []string{"secret-file", "headers"} {
		_ = verify.MarkFlagRequired(name)
	}
	cmd := &cobra.Command{Use: "webhook", Short: "Webhooks of finsam"}
	cmd.AddCommand(verify)
	return cmd
}

func readBody(path string, stdin io.Reader) ([]byte, error) {
	in := stdin
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

// verifies holds a message against the secret; why is empty when it is valid.
func verifies(secret string, head, body []byte, anyTime bool) (why string, err error) {
	secret = strings.TrimSpace(secret)
	w, err := standardwebhooks.NewWebhook(secret)
	if err != nil || !strings.HasPrefix(secret, "whsec_") || len(secret) < len("whsec_")+32 {
		return "", errors.New("--secret-file does not hold a secret such as whsec_…")
	}
	check := w.Verify
	if anyTime {
		check = w.VerifyIgnoringTimestamp
	}
	err = check(body, headersOf(head))
	for cause, text := range map[error]string{
		standardwebhooks.ErrRequiredHeaders: "webhook-id, webhook-timestamp or webhook-signature is missing",
		standardwebhooks.ErrMessageTooOld:   "the message is older than five minutes",
		standardwebhooks.ErrMessageTooNew:   "the message comes from the future",
	} {
		if errors.Is(err, cause) {
			return text, nil
		}
	}
	if err != nil {
		return "no signature is that of the secret over this body", nil
	}
	return "", nil
}

// headersOf reads lines of "name: value"; what is none is passed over.
func headersOf(text []byte) http.Header {
	h := http.Header{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		name, value, ok := strings.Cut(lines.Text(), ":")
		if ok {
			h.Set(strings.TrimSpace(name), strings.TrimSpace(value))
		}
	}
	return h
}
