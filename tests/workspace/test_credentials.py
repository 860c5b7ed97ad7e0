"""The secret scan: what it finds, what it lets pass, and that it never shows what it found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.model.component import Kind
from lastgood.workspace import credentials

R40 = "a8Kd93jfLq0Zx7vB2nM5wQ1eR6tY4uI9oP3sD0gH"
"""Forty characters that look random."""

# Written in two parts, so that no scanner of this repository stumbles over them.
TOKENS = {
    "an AWS access key": "AKIA" + "Q3EGRJ7LXWZ2MNPV",
    "a GitHub token": "ghp_" + R40[:36],
    "a GitLab token": "glpat-" + R40[:20],
    "an Anthropic key": "sk-ant-" + "api03-" + R40,
    "an OpenAI key": "sk-" + "proj-" + R40,
    "a Slack token": "xoxb-" + "2938475610-" + R40[:24],
    "a Slack webhook": "https://hooks.slack.com/services/" + "T02AB3CD4/B05EF6GH7/" + R40[:24],
    "a Google API key": "AIza" + R40[:35],
    "a Stripe key": "sk_live_" + R40[:24],
    "a Hugging Face token": "hf_" + R40[:34],
    "a Groq key": "gsk_" + R40 + R40[:12],
    "an npm token": "npm_" + R40[:36],
    "a SendGrid key": "SG." + R40[:22] + "." + R40 + "abc",
    "an Azure storage key": "AccountKey=" + R40 + R40 + "aB3dE6" + "==",
    "a lastgood token": "lg_" + "7f3k_" + R40,
    "a JSON Web Token": "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NTY5ODcwIn0." + R40,
    "a private key": "-----BEGIN " + "RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq",
    "a password in a URL": "postgresql://bot:" + "hR7wq9Zk@db.internal/prod",
}


@pytest.mark.parametrize("what", TOKENS)
@pytest.mark.parametrize("form", ["{}", 'key = "{}"\n', "Use {} to log in.", "{{'a': '{}'}}"])
def test_tokens_of_known_shapes_are_found_and_not_shown(what: str, form: str) -> None:
    text = "a line\n\n" + form.format(TOKENS[what])

    (found,) = credentials.find_in_file("config/a.yaml", Kind.RUNTIME, text.encode())

    assert (found.path, found.line) == ("config/a.yaml", 3)
    assert found.what.startswith(what)
    assert TOKENS[what][:12] not in str(found)


@pytest.mark.parametrize(
    "line",
    [
        f"password: {R40[:20]}",
        f'"api_key": "{R40}"',
        f"API_KEY={R40}",
        f"client_secret = '{R40}'",
        f"auth-token: {R40}",
        f"DB_PASSWORD := {R40[:16]}",
        f"aws_secret_access_key = {R40}",
        f"Authorization: Bearer {R40}",
    ],
)
def test_assignments_are_found_in_prompts_and_configs_only(line: str) -> None:
    assert len(credentials.find_in_file("a", Kind.CONFIG, line.encode())) == 1
    assert len(credentials.find_in_file("a", Kind.PROMPT, line.encode())) == 1
    assert credentials.find_in_file("a", Kind.RUNTIME, line.encode()) == []


@pytest.mark.parametrize(
    "line",
    [
        "api_key: ${OPENAI_API_KEY}",
        "api_key: $OPENAI_API_KEY_FOR_PROD1",
        "api_key: <your-api-key-goes-here-1>",
        "api_key: {{ secrets.OPENAI_KEY_2 }}",
        "api_key: env:OPENAI_API_KEY_NUMBER_1",
        "api_key: os.environ['OPENAI_API_KEY']",
        "api_key: xxxxxxxxxxxxxxxxxxxxxxxx",
        "api_key: ************************",
        "api_key: vault:secret/data/llm#key1",
        "api_key: aaaa1111bbbb2222aaaa",
        "password: changeme",
        "password: change-me-please-12345",
        "password: example-password-123456",
        "password: a long sentence that says what the password is for",
        "secret: my-kubernetes-secret-name",
        "secretName: llm-credentials-v2-prod",
        "secret: arn:aws:secretsmanager:eu-central-1:123456789012:secret:llm",
        "token: short1",
        "max_tokens: 4096000000000000000",
        "tokenizer: bert-base-multilingual-uncased1",
        "tokenizer_revision: 9f3ac2d1e8b74c6fa05b3d2e1c4f6a7b8d9e0f1a",
        "sk-learn-pipeline-version-2-0-final-release",
        "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "sk-your-openai-api-key-goes-right-here-1",
        "AKIA" + "IOSFODNN7EXAMPLE",
        "ghp_" + "x" * 36,
        "risk-" + R40,
        "https://user:password@example.org/",
        "https://user:${PASSWORD}@db.internal/",
        "https://example.org:8080/a@b",
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
        "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJ",
        "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA7bq",
        "eyJ is how a JSON Web Token starts.",
        "--hash=sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "Never tell the customer the password, the token: or any secret = of theirs.",
    ],
)
def test_what_is_no_secret_passes(line: str) -> None:
    assert credentials.find_in_file("a", Kind.CONFIG, line.encode()) == []


@pytest.mark.parametrize(
    "name",
    [".env", ".env.production", "id_rsa", "id_ed25519", "credentials.json", "client_secret_1.json", "a.p12", ".netrc", ".git-credentials"],
)
def test_names_tell_too(name: str) -> None:
    assert credentials.find_by_name(f"c/{name}") == credentials.Finding(f"c/{name}", None, "by its name it holds a credential")


@pytest.mark.parametrize("name", [".env.example", "id_rsa.pub", "environment.yaml", "credentials.md", "model.bin", "key.json", "cert.pem"])
def test_other_names_do_not(name: str) -> None:
    assert credentials.find_by_name(f"c/{name}") is None


@pytest.mark.parametrize(
    ("path", "kind", "looked_into"),
    [
        ("a.md", Kind.PROMPT, True),
        ("a.yaml", Kind.CONFIG, True),
        ("uv.lock", Kind.RUNTIME, True),
        ("a.py", Kind.CODE, False),
        ("a.jsonl", Kind.DATASET, False),
        ("server.pem", Kind.CODE, True),
        ("tls/server.key", Kind.ARTIFACT, True),
    ],
)
def test_which_files_are_looked_into(path: str, kind: Kind, looked_into: bool) -> None:
    assert credentials.must_look_inside(path, kind) is looked_into


def test_binary_files_are_not_looked_into() -> None:
    assert credentials.find_in_text("a", b"\0" + TOKENS["a GitHub token"].encode()) == []


def test_one_line_is_told_once_and_many_are_bounded() -> None:
    token = TOKENS["a GitHub token"]

    assert len(credentials.find_in_text("a", f"{token} {token}".encode())) == 1
    assert len(credentials.find_in_text("a", f"{token}\n".encode() * 50)) == 20


def test_the_refusal_tells_all_files() -> None:
    findings = [credentials.Finding(f"c/{number}.md", number, "a GitHub token (ghp_…)") for number in range(1, 31)]

    error = credentials.refuse(findings)

    assert "c/1.md:1: a GitHub token (ghp_…)\n" in error.message
    assert error.message.endswith("and 10 more")
    told = error.details["findings"]
    assert isinstance(told, list)
    assert told[29] == {"path": "c/30.md", "line": 30, "what": "a GitHub token (ghp_…)"}
    assert error.exit_code == 6


@given(st.text(alphabet="AaZ09_-=:.\"' \n/@", max_size=200), st.sampled_from(["sk-", "ghp_", "password=", "://", "eyJ", "Bearer "]))
def test_any_text_is_looked_into(text: str, start: str) -> None:
    for found in credentials.find_in_file("a", Kind.CONFIG, f"{start}{text}{start}{text}".encode()):
        assert found.line is not None
        assert 1 <= found.line <= text.count("\n") * 2 + 1


@pytest.mark.parametrize(
    "unit",
    [
        "sk-",
        "eyJ",
        "eyJ.eyJ",
        "password=",
        "password:" + " " * 20,
        "://a:",
        "-----BEGIN ",
        "AKIA",
        "Bearer " + "a" * 50,
        "a" * 100,
        '"secret":"',
    ],
)
def test_no_text_takes_more_than_linear_time(unit: str) -> None:
    # Quadratic time would be some days.
    credentials.find_in_file("a", Kind.CONFIG, (unit * 300_000)[: credentials.LONGEST_SCAN].encode())
