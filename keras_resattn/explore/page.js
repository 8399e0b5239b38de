// Gradio shows small images small, and gives the examples' buttons no name.
document.addEventListener("load", ({ target }) => {
    if (target.tagName !== "IMG") return;
    target.classList.toggle("small", target.naturalWidth < 128);
    const button = target.closest("button.gallery-item");
    if (button) {
        const file = decodeURIComponent(target.src.split("/").pop());
        button.setAttribute("aria-label", `Example ${file}`);
    }
}, true);
