// Reads lines of JSON and writes the canonical form of each as a line. Lines end
// with \n alone: texts may hold U+2028, which node's readline takes for an end.
import canonicalize from "canonicalize";

let rest = "";
process.stdin.setEncoding("utf8");
for await (const chunk of process.stdin) {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop();
  const out = lines.map((line) => canonicalize(JSON.parse(line)) + "\n").join("");
  if (!process.stdout.write(out)) {
    await new Promise((go) => process.stdout.once("drain", go));
  }
}
