"""A service manager's datagram socket: prints what arrives, a line each. Files that come along are closed, as systemd does."""
import array, os, socket, sys

receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
print("bound", flush=True)
while True:
    data, ancillary, _, _ = receiver.recvmsg(4096, 1024)
    for _, _, files in ancillary:
        for file in array.array("i", files[: len(files) - len(files) % 4]):
            os.close(file)
    print(data.decode().strip().replace("\n", " "), flush=True)
