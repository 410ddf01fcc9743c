// What the page does besides, where scripts run: all of it works without.

// The button for another code counts down. The server decides, whatever stands here.
const resend = document.getElementById('resend');
if (resend) {
  const end = Date.now() + Number(resend.dataset.seconds) * 1000;
  const tick = () => {
    const left = Math.ceil((end - Date.now()) / 1000);
    resend.disabled = left > 0;
    const clock = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')}`;
    resend.textContent = left > 0 ? `${resend.dataset.waiting} \u2068${clock}\u2069` : resend.dataset.ready;
    if (left > 0) setTimeout(tick, 500);
  };
  tick();
}

// WebOTP: a browser on the phone that gets the message fills the code in, by the message's last line.
const code = document.getElementById('code');
if (code && 'OTPCredential' in window) {
  const abort = new AbortController();
  code.form.addEventListener('submit', () => abort.abort());
  navigator.credentials.get({ otp: { transport: ['sms'] }, signal: abort.signal }).then((found) => {
    code.value = found.code;
    code.form.requestSubmit();
  }).catch(() => {}); // nobody's fault: the person types it
}
