/** The official PromQL editor: highlighting, completion from this server, and hints. */
import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  closeCompletion,
  completionKeymap,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, insertNewline } from "@codemirror/commands";
import { bracketMatching, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { lintKeymap } from "@codemirror/lint";
import { EditorState, Prec } from "@codemirror/state";
import { EditorView, keymap, placeholder } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { PromQLExtension } from "@prometheus-io/codemirror-promql";
import { useEffect, useRef } from "preact/hooks";

interface Props {
  /** What it starts with: from then on the editor has its own text. Another key makes another editor. */
  initial: string;
  onChange: (value: string) => void;
  onSubmit: () => void;
}

const colours = HighlightStyle.define([
  { tag: tags.number, color: "var(--number)" },
  { tag: tags.string, color: "var(--string)" },
  { tag: tags.keyword, color: "var(--keyword)", fontWeight: "600" },
  { tag: tags.function(tags.variableName), color: "var(--function)" },
  { tag: tags.labelName, color: "var(--label)" },
  { tag: tags.operator, color: "var(--keyword)" },
  { tag: tags.modifier, color: "var(--keyword)" },
  { tag: tags.comment, color: "var(--muted)" },
  { tag: tags.invalid, color: "var(--bad)" },
]);

export function ExpressionEditor({ initial, onChange, onSubmit }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | undefined>(undefined);
  const handlers = useRef({ onChange, onSubmit });
  handlers.current = { onChange, onSubmit };

  useEffect(() => {
    const promql = new PromQLExtension().setComplete({
      remote: { url: document.documentElement.dataset["prefix"] ?? "" },
    });
    const submit = (target: EditorView) => {
      closeCompletion(target);
      handlers.current.onSubmit();
      return true;
    };
    view.current = new EditorView({
      parent: host.current!,
      state: EditorState.create({
        doc: initial,
        extensions: [
          history(),
          bracketMatching(),
          closeBrackets(),
          autocompletion(),
          syntaxHighlighting(colours),
          promql.asExtension(),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": "Expression" }),
          placeholder("Enter expression (Enter runs it, Shift+Enter starts a new line)"),
          keymap.of([
            ...closeBracketsKeymap,
            ...defaultKeymap,
            ...historyKeymap,
            ...completionKeymap,
            ...lintKeymap,
          ]),
          // Below the completion's own Enter, above the default one.
          Prec.high(keymap.of([{ key: "Shift-Enter", run: insertNewline }])),
          Prec.default(keymap.of([{ key: "Enter", run: submit }])),
          // A completion that is still on its way would open over what was clicked at.
          EditorView.domEventHandlers({ blur: (_, left) => void closeCompletion(left) }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) handlers.current.onChange(update.state.doc.toString());
          }),
        ],
      }),
    });
    return () => view.current?.destroy();
  }, []);

  return <div class="editor" ref={host} />;
}
