// Computes beside the page, so that the page stays awake. The first message brings the library.
"use strict";
let library;

const decode = (bytes) => new TextDecoder().decode(bytes);

async function load(wasm) {
  const module = await WebAssembly.compile(wasm);
  // What reads archives declares a browser's random numbers, for encrypted ones. Nothing here encrypts.
  const imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    imports[from] ??= {};
    imports[from][name] = () => {
      throw new Error(`${name} is not there`);
    };
  }
  return (await WebAssembly.instantiate(module, imports)).exports;
}

const answer = (of) => new Uint8Array(of.memory.buffer, of.answer(), of.answer_bytes());

function ask(of, question, file) {
  const head = new TextEncoder().encode(JSON.stringify(question));
  const length = head.length + (file ? file.byteLength : 0);
  const at = of.room(length);
  if (at === 0) throw new Error(`there is no memory for a file of ${file.byteLength} bytes`);
  const room = new Uint8Array(of.memory.buffer, at, length);
  room.set(head);
  if (file) room.set(new Uint8Array(file), head.length);
  const failed = of.ask(head.length);
  if (failed) throw new Error(decode(answer(of)));
  return question.do === "save" ? answer(of).slice() : JSON.parse(decode(answer(of)));
}

onmessage = async ({ data: { wasm, id, question, file } }) => {
  if (wasm) {
    library = load(wasm);
    library.catch(() => {});
    return;
  }
  let of;
  try {
    of = await library;
    postMessage({ id, answer: ask(of, question, file) });
  } catch (error) {
    // After a trap the library is not used again; why it stopped is its last answer.
    const trapped = error instanceof WebAssembly.RuntimeError;
    const why = (trapped && decode(answer(of))) || error.message;
    postMessage({ id, error: of ? why : `This browser cannot run the library: ${why}`, trapped });
  }
};
