package lineedit

import (
	"os"

	"golang.org/x/sys/windows"
)

// EnableANSI lets a console act on escape sequences, which it would otherwise show: progress bars and colours need
// that. Anything but a console stays as it is, and so does one before Windows 10, which can't.
func EnableANSI(out any) {
	f, ok := out.(*os.File)
	if !ok {
		return
	}
	var mode uint32
	handle := windows.Handle(f.Fd())
	if windows.GetConsoleMode(handle, &mode) == nil {
		_ = windows.SetConsoleMode(handle, mode|windows.ENABLE_PROCESSED_OUTPUT|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING)
	}
}
