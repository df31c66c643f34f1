// Files at the report form: each is sent when it is chosen, with progress, and can be taken away again.
// Without this module they go along with the form, and the answer to that lists them.

import { eachPage } from "./in-place.js";

eachPage(() => {
  const form = document.getElementById("report");
  const input = document.getElementById("field-files");
  if (form && input) start(form, input);
});

function start(form, input) {
  const place = document.getElementById("files");
  const list = document.getElementById("files-list");
  const status = document.getElementById("files-status");
  const said = JSON.parse(place.dataset.said);
  const { municipality, maxCount, maxPhotoBytes, maxPdfBytes, mediaTypes } = JSON.parse(place.dataset.offered);
  const sending = new Set();

  form.enctype = "application/x-www-form-urlencoded"; // the files are there before the form is
  input.removeAttribute("name");
  for (const row of list.children) makeRemovable(row);
  input.addEventListener("change", async () => {
    const chosen = [...input.files];
    input.value = "";
    for (const file of chosen) await add(file);
  });
  const wait = (event) => {
    if (sending.size === 0) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // nothing else may let the form leave meanwhile
    say(said.busy);
    input.focus();
  };
  form.addEventListener("submit", wait, { capture: true });

  function say(text) {
    status.textContent = text;
  }

  async function add(file) {
    const row = document.getElementById("file-template").content.firstElementChild.cloneNode(true);
    for (const place of row.querySelectorAll("[data-name]")) place.textContent = file.name;
    list.append(row);
    const fault = whyNot(file);
    if (fault) return refuse(row, file, fault);
    say(`${said.sending} ${file.name}`);
    const request = new XMLHttpRequest();
    sending.add(request);
    makeRemovable(row, () => request.abort());
    try {
      const told = await send(request, file, (share) => (row.querySelector("progress").value = share));
      if (told === null) return;
      settle(row, told);
      say(`${said.taken} ${file.name}`);
    } catch (error) {
      refuse(row, file, error.message || said.failed);
    } finally {
      sending.delete(request);
    }
  }

  function whyNot(file) {
    if (list.querySelectorAll("input[name=file]").length >= maxCount) return said.too_many;
    if (!mediaTypes.includes(file.type)) return said.kind;
    const most = file.type === "application/pdf" ? maxPdfBytes : maxPhotoBytes;
    return file.size > most ? said.too_large : null;
  }

  /** What intake told of the file, null when it was taken away meanwhile; an error has the sentence. */
  function send(request, file, progress) {
    return new Promise((resolve, reject) => {
      request.open("POST", "/api/v1/attachments");
      request.responseType = "json";
      const headers = {
        "content-type": file.type,
        "signal-type": form.elements.namedItem("type").value,
        "invitation-code": form.elements.namedItem("invitation")?.value.trim() ?? "",
        municipality,
        "x-csrf-token": form.elements.namedItem("csrf_token")?.value ?? "",
      };
      for (const [name, value] of Object.entries(headers)) if (value) request.setRequestHeader(name, value);
      request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
      request.onload = () => {
        if (request.status === 201) return resolve(request.response);
        const fault = request.status < 500 ? request.response?.errors?.[0] : null; // an outage: our own words
        reject(new Error(document.documentElement.lang === "en" ? fault?.messageEn : fault?.message));
      };
      request.onerror = () => reject(new Error());
      request.onabort = () => resolve(null);
      request.send(file);
    });
  }

  function settle(row, { id, claim, mediaType, sizeBytes }) {
    const carried = document.createElement("input");
    carried.type = "hidden";
    carried.name = "file";
    carried.value = [id, claim, mediaType.split("/")[1], sizeBytes].join(".");
    row.querySelector("progress").replaceWith(carried);
  }

  function refuse(row, file, why) {
    const told = row.querySelector("[data-error]");
    told.textContent = why;
    told.hidden = false;
    row.querySelector("progress")?.remove();
    makeRemovable(row);
    say(`${file.name}: ${why}`);
  }

  function makeRemovable(row, before = () => {}) {
    row.querySelector("[data-without-script]")?.remove();
    const button = row.querySelector("button");
    button.hidden = false;
    button.onclick = () => {
      before();
      row.remove();
      say(said.removed);
      input.focus();
    };
  }
}
