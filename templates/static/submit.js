// Sends the form of a form_post answer. Its button does the same without script.
document.getElementById("form-post").submit();
