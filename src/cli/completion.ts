import type { CommandModule } from "yargs";
import { emit } from "./output.js";

const shells = ["bash", "zsh"] as const;
type Shell = (typeof shells)[number];

interface CompletionArguments {
  shell: Shell | undefined;
}

// yargs answers --get-yargs-completions. It looks at SHELL to tell in which form; words without an
// answer are file names.
const scripts: Readonly<Record<Shell, string>> = {
  bash: `# s2replay completion for bash: source <(s2replay completion bash)
_s2replay() {
  local IFS=$'\\n'
  local words
  words=$(SHELL=bash "\${COMP_WORDS[0]}" --get-yargs-completions "\${COMP_WORDS[@]}" 2>/dev/null)
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o bashdefault -o default -F _s2replay s2replay
`,
  zsh: `#compdef s2replay
# s2replay completion for zsh: source <(s2replay completion zsh)
_s2replay() {
  local -a reply
  reply=("\${(@f)$(SHELL=zsh "\${words[1]}" --get-yargs-completions "\${words[@]}" 2>/dev/null)}")
  if [[ -n "$reply" ]]; then
    _describe 'values' reply
  else
    _files
  fi
}
compdef _s2replay s2replay
`,
};

export const completionCommand: CommandModule<object, CompletionArguments> = {
  command: "completion [shell]",
  describe: "Print a script that completes commands and options",
  builder: (yargs) =>
    yargs
      .positional("shell", { choices: shells, describe: "default: the shell that SHELL names, else bash" })
      .example("source <($0 completion bash)", "in this shell")
      .example("$0 completion zsh > ~/.zfunc/_s2replay", "for every zsh"),
  handler: ({ shell }) =>
    emit(scripts[shell ?? (process.env.SHELL?.endsWith("zsh") ? "zsh" : "bash")], undefined),
};
