// One visit of a page is one entry of the browser's history. Streamlit adds one whenever the server changes the
// address: one for each setting that a page restores, and one for their removal just before the page is left. Back
// would walk through pages that are half set, and through defaults that nobody chose.

export default function () {
  if (window.cnnvizAddress) return;
  window.cnnvizAddress = true;
  const push = history.pushState;
  let full = null; // the address at the first such change since the visitor's last click
  addEventListener("click", () => (full = null), true);
  history.pushState = function (state, title, url) {
    if (new URL(url, location.href).pathname === location.pathname) {
      full ??= location.href;
      history.replaceState(state, title, url);
    } else {
      if (full) history.replaceState({}, title, full);
      full = null;
      push.call(history, state, title, url);
    }
  };
}
